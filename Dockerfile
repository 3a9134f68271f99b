# syntax=docker/dockerfile:1
# The steps are the scripts that CI runs; the packages of the second stage are held against the binary by
# scripts/check-runtime.sh.
FROM swift:6.3.1-bookworm AS build
WORKDIR /src
COPY scripts ./scripts
RUN scripts/install-deps.sh build && rm -rf /var/lib/apt/lists/*
COPY Package.swift ./
COPY Sources ./Sources
# SwiftPM reads the folder of every target, those of the tests too.
COPY Tests ./Tests
RUN scripts/build-release.sh /out/kube-audit-exporter

FROM debian:12.11-slim
# Mounted for this one step: the image holds the program and its libraries, no scripts.
RUN --mount=type=bind,source=scripts,target=/scripts \
    /scripts/install-deps.sh image \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 65532 --no-create-home --shell /usr/sbin/nologin exporter \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/kube-audit-exporter
COPY --from=build /out/kube-audit-exporter /usr/local/bin/kube-audit-exporter
# For `--rules.file /usr/share/kube-audit-exporter/rules/detections.yaml`, as in the Debian package.
COPY rules /usr/share/kube-audit-exporter/rules
USER 65532:65532
# The default `--storage.path` is `data` below it. Mount a volume here, and counts outlive the container.
WORKDIR /var/lib/kube-audit-exporter
EXPOSE 10403
ENTRYPOINT ["/usr/local/bin/kube-audit-exporter"]
