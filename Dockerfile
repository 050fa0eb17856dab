# HealthyGAN for MONAI in a container. Research software, not a medical device.
#   CPU:   docker build -t healthygan .
#   CUDA:  docker build -t healthygan:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 .
# docs/installation.md says how to run it. Nothing is downloaded after the build.
FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=fid,onnx
WORKDIR /source
COPY . .
RUN python -m venv /opt/healthygan \
    && /opt/healthygan/bin/pip install --no-cache-dir --index-url "${TORCH_INDEX}" torch==2.13.0 \
    && /opt/healthygan/bin/pip wheel --no-cache-dir --no-deps --wheel-dir /wheel . \
    && /opt/healthygan/bin/pip install --no-cache-dir --constraint constraints.txt \
        "$(echo /wheel/*.whl)[${EXTRAS}]" \
    && /opt/healthygan/bin/pip check

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 healthygan \
    && install --directory --owner healthygan --group healthygan /results
COPY --from=build /opt/healthygan /opt/healthygan
ENV PATH=/opt/healthygan/bin:$PATH \
    HF_HUB_OFFLINE=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /results
ENTRYPOINT ["healthygan"]
CMD ["--help"]
