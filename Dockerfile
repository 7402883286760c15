# Needs glibc, for ONNX Runtime: an Alpine base does not work.
ARG NODE_IMAGE=node:24-bookworm-slim
# For the target gpu. ONNX Runtime 1.30 wants CUDA 13 and cuDNN 9, and Node a glibc of 2.28 or newer.
ARG CUDA_IMAGE=nvidia/cuda:13.0.1-cudnn-runtime-ubuntu24.04
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${NODE_IMAGE} AS modules
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The optional packages are Node itself, which the base image has.
RUN npm ci --omit=dev --omit=optional
# Clients of stores that models are pulled from, for example "@aws-sdk/client-s3@3.1169.0": see docs/storage.md.
ARG STORAGE_SDKS=""
# What tracing needs, see docs/tracing.md.
ARG TRACING_PACKAGES=""
# npm does not install what the manifest calls optional or for development, even if it is named: these packages are both.
RUN npm pkg delete devDependencies optionalDependencies peerDependencies peerDependenciesMeta
RUN test -z "${STORAGE_SDKS}${TRACING_PACKAGES}" \
 || npm install --no-save --omit=dev --omit=optional ${STORAGE_SDKS} ${TRACING_PACKAGES}
RUN npm sbom --omit=dev --omit=optional --sbom-format=cyclonedx --sbom-type=application > sbom.cdx.json
# ONNX Runtime's package holds the libraries of every platform, most of its 290 MB.
RUN cd node_modules/onnxruntime-node/bin/napi-v6 \
 && own="linux/$(node -p process.arch)" \
 && test -f "$own/onnxruntime_binding.node" \
 && find . -mindepth 2 -maxdepth 2 ! -path "./$own" -exec rm -r {} + \
 && find . -mindepth 1 -maxdepth 1 -empty -delete
# Of Swagger UI only these are served.
RUN cd node_modules/swagger-ui-dist \
 && find . -type f ! -name swagger-ui-bundle.js ! -name swagger-ui.css ! -name favicon-32x32.png \
      ! -name package.json ! -name 'LICENSE*' ! -name 'NOTICE*' -delete

FROM ${NODE_IMAGE} AS dashboard
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# With the optional packages: the bundler is one of them.
RUN npm ci
COPY gen gen
COPY scripts scripts
COPY src src
RUN node scripts/build-dashboard.js
# The image's bill of materials: what is installed in it, and what the page is made of.
COPY --from=modules /app/sbom.cdx.json dist/installed.cdx.json
RUN node scripts/write-image-bill.ts dist/installed.cdx.json > dist/sbom.cdx.json

# Models that lower or raise the case of text ask for this locale, see docs/inference.md. 3 MB.
FROM ${NODE_IMAGE} AS locales
RUN apt-get update \
 && apt-get install -y --no-install-recommends locales \
 && localedef --no-archive -i en_US -f UTF-8 /usr/lib/locale/en_US.UTF-8

FROM ${NODE_IMAGE} AS runtime
WORKDIR /app
ENV NODE_ENV=production
COPY --from=locales /usr/lib/locale/en_US.UTF-8 /usr/lib/locale/en_US.UTF-8
COPY --from=modules /app/node_modules node_modules
COPY package.json LICENSE NOTICE ./
COPY deploy/health.js deploy/
COPY deploy/compose/register-models.ts deploy/compose/
COPY gen gen
COPY src src
COPY --from=dashboard /app/dist/dashboard dist/dashboard
COPY --from=dashboard /app/dist/sbom.cdx.json ./

# A number, so that Kubernetes can see that it is not root.
ARG USER_ID=1000
RUN install -d -o ${USER_ID} .compile-cache
USER ${USER_ID}:${USER_ID}
# One start fills the cache with compiled code, which later starts only read: the root file system of
# the container may be read-only. Node keys the cache by user, so this must run as the final one.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
ENV MALLOC_TRIM_THRESHOLD_=131072
RUN node --max-semi-space-size=4 src/modelport.js serve & server=$! \
 && node deploy/health.js ready 60 \
 && kill $server && wait $server

EXPOSE 8085
# Whether it lives: who restarts what is unhealthy must not end a first pass over a long repository.
HEALTHCHECK --start-period=15s --interval=5s --timeout=6s \
  CMD ["node", "deploy/health.js", "live"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "src/modelport.js", "serve"]

# For NVIDIA's GPUs: docker build --target gpu. See docs/kubernetes.md: no GPU was at hand to try it.
# ONNX Runtime's npm package has no library for CUDA; the Python package of the same version does, for the same libonnxruntime.
FROM ${PYTHON_IMAGE} AS cuda-provider
ARG ONNXRUNTIME_GPU=onnxruntime-gpu==1.30.0
RUN pip download --no-deps --only-binary=:all: --dest /wheel ${ONNXRUNTIME_GPU} \
 && python -m zipfile -e /wheel/*.whl /unpacked \
 && install -D -t /provider /unpacked/onnxruntime/capi/libonnxruntime_providers_shared.so \
      /unpacked/onnxruntime/capi/libonnxruntime_providers_cuda.so

FROM ${CUDA_IMAGE} AS gpu
WORKDIR /app
ENV NODE_ENV=production NODE_COMPILE_CACHE=/app/.compile-cache MALLOC_TRIM_THRESHOLD_=131072 EXECUTION_PROVIDER=cuda
COPY --from=runtime /usr/local/bin/node /usr/local/bin/node
COPY --from=runtime /usr/lib/locale/en_US.UTF-8 /usr/lib/locale/en_US.UTF-8
COPY --from=runtime /app /app
# Beside the library that loads them.
COPY --from=cuda-provider /provider/ node_modules/onnxruntime-node/bin/napi-v6/linux/x64/
ARG USER_ID=1000
USER ${USER_ID}:${USER_ID}
EXPOSE 8085
HEALTHCHECK --start-period=15s --interval=5s --timeout=6s \
  CMD ["node", "deploy/health.js", "live"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "src/modelport.js", "serve"]

# The default target.
FROM runtime
