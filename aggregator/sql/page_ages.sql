-- Expected organizations by age of their last complete reading: every class, also empty ones.
select
    c.age, c.is_never,
    count(o.organization) as organizations
from (
    values
        (1, 'less than 2 hours ago', null::interval, '2 hours'::interval, false),
        (2, '2 to 26 hours ago', '2 hours', '26 hours', false),
        (3, '26 hours to 3 days ago', '26 hours', '3 days', false),
        (4, '3 to 7 days ago', '3 days', '7 days', false),
        (5, 'longer ago', '7 days', null, false),
        (6, 'never', null, null, true)
) c (place, age, younger, older, is_never)
left join (
    select organization, now() - last_complete_at as age
    from reporting.organizations
    where is_expected
) o on case
    when c.is_never then o.age is null
    else o.age is not null and coalesce(o.age >= c.younger, true) and coalesce(o.age < c.older, true)
end
group by c.place, c.age, c.is_never
order by c.place
