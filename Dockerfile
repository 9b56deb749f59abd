# A small image that edits photos and serves the page: docker build -t facerelief . && docker run -p 7860:7860 facerelief
FROM python:3.13-slim AS build
COPY . /source
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels /source

FROM python:3.13-slim
RUN --mount=from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir "$(echo /wheels/*.whl)[serve]" && useradd --create-home facerelief
USER facerelief
WORKDIR /home/facerelief
EXPOSE 7860
ENTRYPOINT ["facerelief"]
CMD ["serve", "--host", "0.0.0.0", "--port", "7860"]
