-- Unhealthy connections of expected organizations by how long they have been so: every class, also empty ones.
select c.age, count(u.connection_id) as connections
from (
    values
        (1, 'less than a day', now() - interval '1 day', null),
        (2, '1 to 7 days', now() - interval '7 days', now() - interval '1 day'),
        (3, '7 to 30 days', now() - interval '30 days', now() - interval '7 days'),
        (4, 'longer than 30 days', null, now() - interval '30 days')
) c (place, age, after, until)
left join reporting.unhealthy_connections u
    on u.is_expected and coalesce(u.unhealthy_since > c.after, true)
    and coalesce(u.unhealthy_since <= c.until, true)
group by c.place, c.age
order by c.place
