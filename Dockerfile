# The production image: no embedded Postgres in it, so a missing AGGREGATOR_DATABASE_URL is an error.
FROM python:3.13-slim-trixie AS build
WORKDIR /source
COPY requirements-image.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --only-binary :all: --require-hashes \
        --requirement requirements-image.txt
COPY pyproject.toml README.md ./
COPY aggregator aggregator
COPY migrations migrations
RUN /venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim-trixie
COPY --from=build /venv /venv
ENV PATH="/venv/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /app
# A number, so that Kubernetes can see that it is not root. Nothing is written to the file system.
USER 10001:10001
ENTRYPOINT ["aggregator"]
CMD ["sync"]
