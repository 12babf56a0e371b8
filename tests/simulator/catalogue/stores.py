"""Configurations of databases, warehouses and file stores; each function makes a new one."""

from __future__ import annotations

from random import Random

from tests.simulator.catalogue.common import CANARY, MASK, Configuration, region, secret


def _ssh(random: Random, word: str) -> Configuration:
    if random.random() < 0.7:
        return {"ssh": False}
    return {
        "ssh": True,
        "ssh_host": f"bastion.{word}.example",
        "ssh_port": 22,
        "ssh_user": "tunnel",
        "ssh_private_key": MASK,
    }


def postgresql(random: Random, word: str) -> Configuration:
    return {
        "ca_cert": "",
        "change_detection": random.random() < 0.3,
        "client_certificate": "",
        "client_certs": False,
        "client_key": "",
        "database": random.choice(("app", "analytics", "billing")),
        "hostname": f"pg{random.randint(1, 9)}.{word}.example",
        "password": secret(random),
        "port": random.choice((5432, 6432)),
        "publication": "",
        "ssl": True,
        "username": random.choice(("reader", "polytomic", "etl")),
    } | _ssh(random, word)


def mysql(random: Random, word: str) -> Configuration:
    return {
        "account": "reader",
        "change_detection": False,
        "dbname": "shop",
        "hostname": f"mysql.{word}.example",
        "passwd": secret(random),
        "port": 3306,
        "ssl": random.random() < 0.8,
    } | _ssh(random, word)


def mssql(random: Random, word: str) -> Configuration:
    return {
        "database": "erp",
        "hostname": f"mssql.{word}.example",
        "password": secret(random),
        "port": 1433,
        "ssl": True,
        "username": "sa_reader",
    } | _ssh(random, word)


def redshift(random: Random, word: str) -> Configuration:
    place = region(random)
    return {
        "auth_mode": "access_key_and_secret",
        "aws_access_key_id": "AKIAFAKEFAKEFAKEFAKE",
        "aws_secret_access_key": secret(random),
        "database": "dw",
        "hostname": f"{word}.abc123.{place}.redshift.example",
        "password": MASK,
        "port": 5439,
        "s3_bucket_name": f"{word}-staging",
        "s3_bucket_region": place,
        "use_bulk_sync_staging_schema": False,
        "username": "loader",
    } | _ssh(random, word)


def snowflake(random: Random, word: str) -> Configuration:
    key_pair = random.random() < 0.4
    return {
        "account": f"{word}-{random.randint(10000, 99999)}",
        "dbname": "ANALYTICS",
        "key_pair_auth": key_pair,
        "params": f"role=LOADER&token={CANARY}-snowflake" if random.random() < 0.2 else "",
        "password": "" if key_pair else MASK,
        "private_key": MASK if key_pair else "",
        "private_key_passphrase": "",
        "username": "POLYTOMIC",
        "warehouse": random.choice(("LOAD_WH", "ETL_WH")),
    }


def bigquery(random: Random, word: str) -> Configuration:
    return {
        "auth_method": "service_account",
        "bucket": f"{word}-exports",
        "client_email": f"polytomic@{word}-prod.iam.example",
        "location": random.choice(("US", "EU")),
        "project_id": f"{word}-prod",
        "service_account": secret(random),
        "structured_values_as_json": False,
        "use_extract": random.random() < 0.5,
    }


def databricks(random: Random, word: str) -> Configuration:
    return {
        "access_token": secret(random),
        "cloud_provider": "aws",
        "concurrent_queries": random.randint(2, 16),
        "enforce_query_limit": True,
        "http_path": f"/sql/1.0/warehouses/{random.randrange(16**8):08x}",
        "port": 443,
        "server_hostname": f"{word}.cloud.databricks.example",
        "unity_catalog_enabled": True,
    }


def mongodb(random: Random, word: str) -> Configuration:
    return {
        "database": "events",
        "hosts": f"m1.{word}.example:27017,m2.{word}.example:27017",
        "params": "replicaSet=rs0&authSource=admin",
        "password": secret(random),
        "srv": False,
        "ssl": True,
        "username": "reader",
    }


def s3(random: Random, word: str) -> Configuration:
    return {
        "auth_mode": "iam_role",
        "aws_access_key_id": "",
        "aws_secret_access_key": "",
        "external_id": f"{random.randrange(16**12):012x}",
        "iam_role_arn": f"arn:aws:iam::000000000000:role/{word}",
        "is_single_table": False,
        "s3_bucket_name": f"{word}-lake",
        "s3_bucket_region": region(random),
        "single_table_file_formats": ["csv", "parquet"],
        "skip_lines": 0,
    }


def gcs(random: Random, word: str) -> Configuration:
    return {
        "bucket": f"{word}-landing",
        "client_email": f"polytomic@{word}-prod.iam.example",
        "csv_has_headers": True,
        "project_id": f"{word}-prod",
        "service_account": secret(random),
    }


def sftp(random: Random, word: str) -> Configuration:
    return {
        "auth_mode": "password",
        "path": "/outgoing",
        "skip_lines": random.randint(0, 2),
        "ssh_host": f"sftp.{word}.example",
        "ssh_password": secret(random),
        "ssh_port": 22,
        "ssh_private_key": "",
        "ssh_user": word,
    }
