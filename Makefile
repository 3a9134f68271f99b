# The everyday commands. Each installs what it needs; none needs anything that was left by another.

SHELL := /bin/bash
.DEFAULT_GOAL := help
# The tests' own Python and linters, where scripts/install-deps.sh has put them.
export PATH := $(CURDIR)/.build-tools/venv/bin:$(PATH)

.PHONY: help run demo test unit check fmt docs dashboards build package sanitize bench fuzz soak clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: ## install what is missing, build, follow a bundled log, say where to look (Ctrl-C ends it)
	@scripts/run.sh

demo: ## the whole chain here: a spike is played, Prometheus and Alertmanager page, the page is printed (Ctrl-C ends it)
	@scripts/demo.sh

test: ## install what is missing, then everything that CI runs
	@scripts/install-deps.sh test
	$(MAKE) --no-print-directory check
	scripts/build-release.sh
	scripts/check-runtime.sh
	scripts/test-package.sh
	scripts/test-examples.sh
	scripts/test-run.sh
	scripts/test-demo.sh
	scripts/test-getting-started.sh
	scripts/test-alertmanager.sh
	swift build -c release --package-path Benchmarks
	Benchmarks/instructions.py
	scripts/fuzz.sh 20
	scripts/swift-test.sh

unit: ## unit tests and house rules alone; needs none of the test tools
	@scripts/install-deps.sh build
	scripts/swift-test.sh --skip EndToEndTests

check: ## format, linters, dashboards, generated files fresh
	@scripts/install-deps.sh test
	@scripts/check.sh

fmt: ## format all Swift in place
	swift format --in-place --recursive Sources Tests Package.swift

docs: ## write what is generated: docs/metrics.md, docs/configuration.md, the PrometheusRule
	@scripts/install-deps.sh build
	swift build --product kube-audit-exporter
	.build/debug/kube-audit-exporter docs metrics >docs/metrics.md
	.build/debug/kube-audit-exporter docs configuration >docs/configuration.md
	scripts/prometheus-rule.sh >deploy/kubernetes/components/prometheus-operator/prometheusrule.yaml

dashboards: ## write dashboards/*.json from dashboards/source
	PYTHONDONTWRITEBYTECODE=1 dashboards/source/build.py

build: ## the released binary: .build/kube-audit-exporter
	@scripts/install-deps.sh build
	scripts/build-release.sh

package: ## the Debian package: .build/kube-audit-exporter_VERSION_ARCHITECTURE.deb
	@scripts/install-deps.sh package
	scripts/build-release.sh
	scripts/build-package.sh

sanitize: ## unit tests under the address sanitizer, then under the thread sanitizer
	@scripts/install-deps.sh build
	swift test --disable-xctest --skip EndToEndTests --skip HouseRulesTests \
	  --sanitize address --scratch-path .build-address
	swift test --disable-xctest --skip EndToEndTests --skip HouseRulesTests \
	  --sanitize thread --scratch-path .build-thread

bench: ## measure: beside mtail and simdjson, instructions of an event, memory and scrapes
	@scripts/install-deps.sh bench
	scripts/build-release.sh
	swift build -c release --package-path Benchmarks
	Benchmarks/run.py
	Benchmarks/instructions.py
	Benchmarks/series.py
	Benchmarks/commits.py

soak: ## every campaign at its long size: hours; `make soak CAMPAIGNS=files` runs some
	@scripts/install-deps.sh test
	scripts/build-release.sh
	scripts/soak.sh $(CAMPAIGNS)

fuzz: ## whatever reads bytes from outside, under libFuzzer, `make fuzz SECONDS=600`
	@scripts/install-deps.sh build
	scripts/fuzz.sh $(or $(SECONDS),60)

clean: ## remove everything that was built or installed into this folder
	rm -rf .build .build-address .build-thread .build-tools Benchmarks/.build Fuzz/.build
