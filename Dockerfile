# Three images: `service` (the converter alone), `recast` (the default: with the engine, its libraries and fonts) and
# `recast-office` (with LibreOffice). Everything Python comes from the hashed locks.
#
#   docker build -t recast .
#   docker build --target service -t recast-service .
#
# Without a network: a directory with the wheels takes the place of the stage `wheels`.
#   pip download --require-hashes --only-binary=:all: -d WHEELS -r requirements.lock     (and requirements-kernel.lock)
#   docker build --network=none --build-context wheels=WHEELS --build-arg PIP_NO_INDEX=1 -t recast .
ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM scratch AS wheels

FROM $BASE AS build
ENV PIP_FIND_LINKS=/wheels PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv /build

FROM build AS kernel
ARG PIP_NO_INDEX
COPY requirements-kernel.lock .
RUN --mount=type=bind,from=wheels,target=/wheels \
    python3 -m venv --without-pip /opt/recast/kernel \
 && /build/bin/pip --python /opt/recast/kernel/bin/python install --quiet --require-hashes --only-binary=:all: --no-deps -r requirements-kernel.lock

FROM build AS converter
ARG PIP_NO_INDEX
COPY requirements.lock requirements-dev.lock ./
RUN --mount=type=bind,from=wheels,target=/wheels \
    python3 -m venv --without-pip /opt/recast \
 && /build/bin/pip --python /opt/recast/bin/python install --quiet --require-hashes --only-binary=:all: --no-deps -r requirements.lock \
 && sed -n '/^setuptools==/,/[^\\]$/p' requirements-dev.lock > backend.lock \
 && /build/bin/pip install --quiet --require-hashes --only-binary=:all: --no-deps -r backend.lock
COPY LICENSE README.md pyproject.toml /src/
COPY recipes /src/recipes
COPY service /src/service
RUN /build/bin/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /dist /src \
 && /build/bin/pip --python /opt/recast/bin/python install --quiet --no-deps --no-index /dist/*.whl

# What every image begins with: no pip, nothing with a setuid bit, a user and a place to write.
FROM $BASE AS base
ENV PATH=/opt/recast/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1
RUN rm -rf /usr/local/lib/python3*/site-packages/pip* /usr/local/bin/pip* /usr/share/python-wheels \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} + \
 && useradd --uid 65532 --key UID_MAX=65532 --user-group --no-log-init --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin recast \
 && install -d -m 1777 /var/lib/recast \
 && ln -s /proc/self/cwd /mnt/data
# ^ Where containers have no mounts of their own, /mnt/data means each one's own working directory.
# The image serves whoever can reach the published port; RECAST_API_KEYS closes it.
ENV RECAST_HOST=0.0.0.0 RECAST_OPEN=true RECAST_DATA_DIR=/var/lib/recast TMPDIR=/var/lib/recast
# With a read-only root this is still writable, and no flag is needed for it.
VOLUME /var/lib/recast
WORKDIR /
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.getenv(\"RECAST_PORT\", \"8000\")}/livez', timeout=4)"]
ENTRYPOINT ["recast"]
CMD ["serve"]
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="recast" \
      org.opencontainers.image.description="POST a file, get it back in another format" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

# The converter alone runs no foreign code, so nothing is gained by being root.
FROM base AS service
COPY --from=converter /opt/recast /opt/recast
USER 65532:65532

# The engine gives each container the strongest confinement its surroundings allow. Under Docker's defaults namespaces are refused,
# and root with Docker's own few capabilities is what allows the next best: every container gets a user id of its own, so the
# kernel's oldest checks keep it from the service and from its neighbours, and its programs may start others (pandoc). As an
# ordinary user only Landlock, seccomp and rlimits remain. So this image starts as root on purpose; `--user 65532` with
# `--read-only --cap-drop=ALL --security-opt=no-new-privileges` works too, and is what the chart does.
FROM base AS recast-office
RUN --mount=type=cache,target=/var/cache/apt --mount=type=cache,target=/var/lib/apt \
    apt-get update && apt-get install -y --no-install-recommends \
      libreoffice-calc-nogui libreoffice-impress-nogui libreoffice-writer-nogui fonts-noto-cjk fonts-noto-core \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=kernel /opt/recast/kernel /opt/recast/kernel
COPY --from=converter /opt/recast /opt/recast

FROM base AS recast
COPY --from=kernel /opt/recast/kernel /opt/recast/kernel
COPY --from=converter /opt/recast /opt/recast
