# glibc: Temporal's native core has no build for musl.
FROM node:24-bookworm-slim AS build
WORKDIR /perdure
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 python3-venv procps tini \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /perdure
COPY --from=build /perdure/node_modules node_modules
COPY --from=build /perdure/dist dist
COPY package.json ./
COPY bin bin
COPY trial trial
COPY config config
# So that `docker compose exec worker perdure …` is of the same host as the worker.
COPY docker/entrypoint.sh /usr/local/bin/perdure
RUN install -d -o node -g node /var/lib/perdure
USER node
ENV PERDURE_HOME=/var/lib/perdure PERDURE_CONFIG=/etc/perdure/perdure.yaml
# As in src/server/background-worker.ts: two thirds of the memory, and no slower.
ENV NODE_OPTIONS=--max-semi-space-size=4
VOLUME /var/lib/perdure
EXPOSE 8080 9464
HEALTHCHECK --interval=10s --start-period=30s CMD node -e "fetch('http://127.0.0.1:8080/health').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
# tini waits for the processes that trials leave behind.
ENTRYPOINT ["tini", "--", "perdure"]
CMD ["worker", "--health-port", "8080", "--metrics-port", "9464", "--bind", "0.0.0.0"]
