# syntax=docker/dockerfile:1
# Builds Stanch from a checkout: docker build --tag stanch .
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
COPY requirements.lock /build/
RUN python -m venv /opt/stanch \
    && /opt/stanch/bin/python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r /build/requirements.lock
WORKDIR /app
COPY bot bot
COPY integrations integrations
COPY runbooks runbooks
COPY playbooks playbooks
COPY postmortems postmortems
COPY slack-manifest.yaml LICENSE ./
# The root file system is read-only when Stanch runs, so what Python would cache is made here.
RUN /opt/stanch/bin/python -m compileall -q bot integrations

FROM python:${PYTHON}
# The numbers are fixed: volumes and Kubernetes name the account by number.
RUN groupadd --gid 10001 stanch \
    && useradd --uid 10001 --gid stanch --no-create-home --shell /usr/sbin/nologin stanch
COPY --from=build /opt/stanch /opt/stanch
COPY --from=build /app /app
WORKDIR /app
# Only SQLite writes here.
RUN install --directory --owner=stanch --group=stanch --mode=0700 var
ENV PATH="/opt/stanch/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STANCH_HOST=0.0.0.0 \
    STANCH_LOG_FORMAT=json \
    STANCH_PORT=8085
USER 10001:10001
VOLUME /app/var
EXPOSE 8085
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s CMD ["python", "-c", "import http.client, os, sys; asked = http.client.HTTPConnection('127.0.0.1', int(os.environ['STANCH_PORT']), timeout=4); asked.request('GET', '/healthz'); sys.exit(asked.getresponse().status != 200)"]
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]
