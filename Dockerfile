# Three images: the node processes (the default, `--target server`), nginx with the page (`--target nginx`), and NATS
# with a folder for its stream (`--target nats`). None runs as root. To pin an image by digest, which no tag can change:
# --build-arg NODE_IMAGE=node:20-alpine@sha256:…, as shown by `docker buildx imagetools inspect node:20-alpine`.
ARG NODE_IMAGE=node:20-alpine
ARG NATS_IMAGE=nats:2.10-alpine
ARG NGINX_IMAGE=nginx:1.28-alpine

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY docs/machines docs/machines
COPY machines machines
COPY public public
COPY shows shows
COPY src src
# The build tools are not in the images.
RUN npm run build && npm prune --omit=dev

# A new volume takes over the owner of the folder that it is mounted on.
FROM ${NATS_IMAGE} AS nats
RUN mkdir /data && chown 1000:1000 /data
USER 1000:1000

FROM ${NGINX_IMAGE} AS nginx
# The image's entrypoint fills the template in; only /tmp need be writable.
ENV NGINX_ENVSUBST_OUTPUT_DIR=/tmp \
    LISTEN=8080 \
    PUBLIC_DIR=/usr/share/nginx/html \
    RUN_DIR=/tmp
COPY nginx/nginx.conf.template /etc/nginx/templates/nginx.conf.template
# Before 20-envsubst-on-templates.sh, in whose shell it is sourced.
COPY nginx/rules.envsh /docker-entrypoint.d/19-rules.envsh
COPY --from=build /app/public /usr/share/nginx/html
USER nginx
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD wget -q -O /dev/null http://127.0.0.1:8080/ || exit 1
CMD ["nginx", "-c", "/tmp/nginx.conf", "-e", "stderr", "-g", "daemon off;"]

FROM ${NODE_IMAGE} AS server
# The same as in src/launch/node-services.ts.
ENV NODE_ENV=production \
    NODE_OPTIONS="--enable-source-maps --max-semi-space-size=64" \
    HOST=0.0.0.0 \
    PORT=8080
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/public public
COPY --from=build /app/shows shows
COPY --from=build /app/dist dist
USER node
EXPOSE 8080 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s CMD wget -q -O /dev/null "http://127.0.0.1:$PORT/ready" || exit 1
# No npm in between: signals reach the process.
CMD ["node", "dist/booking/server.js"]
