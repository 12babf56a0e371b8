"""Configurations of applications and of plain HTTP; each function makes a new one."""

from __future__ import annotations

from random import Random

from tests.simulator.catalogue.common import CANARY, MASK, Configuration, secret


def salesforce(random: Random, word: str) -> Configuration:
    return {
        "client_id": "",
        "client_secret": "",
        "connect_mode": "code",
        "daily_api_calls": random.choice((15000, 100000, 3750000)),
        "domain": f"{word}.my.salesforce.example",
        "enforce_api_limits": random.random() < 0.5,
        "instance_url": f"https://{word}.my.salesforce.example",
        "oauth_refresh_token": MASK,
        "oauth_token_expiry": "2026-11-02T17:22:48Z",
        "username": f"integration@{word}.example",
    }


def hubspot(random: Random, word: str) -> Configuration:
    return {
        "client_id": "",
        "client_secret": "",
        "hub_domain": f"{word}.example",
        "hub_user": f"ops@{word}.example",
        "include_static_list_support": random.random() < 0.5,
        "oauth_refresh_token": MASK,
    }


def marketo(random: Random, word: str) -> Configuration:
    return {
        "client_id": f"{random.randrange(16**8):08x}",
        "client_secret": secret(random),
        "concurrent_imports": random.randint(1, 8),
        "daily_api_calls": 50000,
        "enforce_api_limits": True,
        "rest_endpoint": f"https://{word}.mktorest.example/rest",
    }


def netsuite(random: Random, word: str) -> Configuration:
    return {
        "account_id": f"{word}_{random.randint(1000000, 9999999)}",
        "consumer_key": MASK,
        "consumer_secret": MASK,
        "token": MASK,
        "token_secret": secret(random),
    }


def google_sheets(random: Random, word: str) -> Configuration:
    return {
        "connect_mode": "code",
        "has_headers": True,
        "oauth_refresh_token": MASK,
        "service_account": "",
        "spreadsheet_id": {"label": "Targets", "value": f"1{random.randrange(16**10):010x}"},
        "user_email": f"sheets@{word}.example",
    }


def google_ads(random: Random, word: str) -> Configuration:
    return {
        "accounts": [
            {"label": f"{word} account {number}", "value": str(random.randint(10**9, 10**10 - 1))}
            for number in range(random.randint(0, 3))
        ],
        "connected_user": f"ads@{word}.example",
        "custom_reports": "",
        "oauth_refresh_token": MASK,
    }


def github(random: Random, word: str) -> Configuration:
    return {
        "authenticated": True,
        "oauth_access_token": MASK,
        "repositories": [
            {"label": f"{word}/{name}", "value": f"{word}/{name}"}
            for name in random.sample(("api", "web", "infra", "docs"), k=2)
        ],
    }


def airtable(random: Random, word: str) -> Configuration:
    return {
        "api_key": secret(random),
        "connected_user": f"base@{word}.example",
        "oauth_access_token": "",
        "oauth_refresh_token": MASK,
        "oauth_token_expiry": "0001-01-01T00:00:00Z",
    }


def api_key(random: Random, _word: str) -> Configuration:
    return {"api_key": secret(random)}


def klaviyo(random: Random, _word: str) -> Configuration:
    return {"apikey": secret(random), "private_apikey": MASK}


def shopify(random: Random, word: str) -> Configuration:
    return {"admin_api_token": secret(random), "store": f"{word}.myshopify.example"}


def intercom(_random: Random, _word: str) -> Configuration:
    return {}


def api(random: Random, word: str) -> Configuration:
    return {
        "auth": {
            "basic": {"password": f"{CANARY}-basic", "username": "svc"},
            "header": {"name": "X-Token", "value": f"{CANARY}-header"},
            "query": [{"name": "key", "value": f"{CANARY}-query"}],
        },
        "body": "",
        "headers": [{"name": "Accept", "value": "application/json"}],
        "healthcheck": random.choice(("", "/ping")),
        "parameters": [],
        "url": f"https://svc:{CANARY}-url@api.{word}.example/v{random.randint(1, 3)}",
    }


def webhook(random: Random, word: str) -> Configuration:
    return {
        "auth_method": "header",
        "header": {"name": "X-Signature", "value": f"{CANARY}-webhook"},
        "headers": [],
        "secret": f"{CANARY}-secret" if random.random() < 0.3 else MASK,
        "url": f"https://hooks.{word}.example/in",
    }
