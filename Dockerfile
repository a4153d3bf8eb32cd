# docker build -t talkpath .
# docs/deploy.md says how to run it.
ARG PYTHON=3.13
FROM python:${PYTHON}-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY signaling signaling
COPY client client
# Nothing of what it needs is compiled: the image needs no compiler.
RUN python -m venv /opt/talkpath
RUN /opt/talkpath/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: "/src[local,mcp,redis]"
# Nothing is installed into it any more.
RUN /opt/talkpath/bin/pip uninstall --yes pip

FROM python:${PYTHON}-slim
COPY --from=build /opt/talkpath /opt/talkpath
# The folder of recordings and of the audit log: mount something there.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin talkpath && install -d -o talkpath -g talkpath -m 0700 /var/lib/talkpath
USER 10001
WORKDIR /var/lib/talkpath
ENV PATH=/opt/talkpath/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 LOG_FORMAT=json
EXPOSE 8000/tcp
VOLUME /var/lib/talkpath
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["talkpath", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["talkpath"]
CMD ["serve"]
