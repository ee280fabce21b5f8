# make demo and make test are all a new user needs; each does its own set-up.
SHELL := /bin/bash
CONFIGURATION := Release
BIN := artifacts/bin/WavLM.Cuda.Cli/release/wavlm
KERNELS_CHECK := artifacts/bin/WavLM.Cuda.KernelsCheck/release/WavLM.Cuda.KernelsCheck
MUTANTS := artifacts/bin/WavLM.Cuda.Mutants/release/WavLM.Cuda.Mutants
MODEL ?=
PYTHON := /usr/bin/python3
REFERENCE ?= ../shared/reference
THREADS ?= $(shell nproc)
# The results' name: the processor's, in letters and digits.
HOST_NAME ?= $(shell sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | tr -cs 'A-Za-z0-9\n' '-' | tr 'A-Z' 'a-z' | sed 's/-$$//')-$(THREADS)-threads
RESTORE := $(if $(CI),--locked-mode)
VERSION := $(shell sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
ARCHIVE := artifacts/wavlm-portable-$(VERSION)-linux-x64.tar.xz
# Folders are in the list too: their times tell of files that were removed.
ARCHIVE_SOURCES := $(shell find src kernels packaging bench/WavLM.Cuda.Bench bench/peers bench/gpu_bench.sh tests/WavLM.Cuda.Checks tests/WavLM.Cuda.GpuCheck Directory.*.props LICENSE -not -path '*/node_modules*' -not -path '*/__pycache__*' 2>/dev/null)

PUBLISH := dotnet publish --runtime linux-x64 -p:PublishTrimmed=true --nologo --verbosity quiet

export DOTNET_NOLOGO := 1
export DOTNET_CLI_TELEMETRY_OPTOUT := 1

.DEFAULT_GOAL := help
.NOTPARALLEL:   # prerequisites are in order, and several of them install packages
.PHONY: help setup build demo test test-long abi-check abi-libraries browser kernels-check mutants bench bench-cpu bench-peers-tiny python-peers reference-check emulator emulator-tests publish portable portable-check gpu-check gpu-bench clean

help:
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

setup: ## install the native libraries that are missing (apt)
	@./setup.sh

build: setup ## build everything; the command is bin/wavlm
	@dotnet restore $(RESTORE) --verbosity quiet
	@dotnet build --no-restore --configuration $(CONFIGURATION) --verbosity quiet --nologo
	@mkdir -p bin && ln -sf ../$(BIN) bin/wavlm

demo: build ## features of the bundled recordings (MODEL=path for a real checkpoint)
	@./demo.sh "$(MODEL)"

test: build emulator-tests abi-libraries browser python-peers portable ## run every test
	@./tests/run.sh

test-long: build emulator-tests abi-libraries browser python-peers portable ## every test, and the checks once more on every emulated architecture
	@FILTER=FullyQualifiedName~WavLM.Cuda ./tests/run.sh

abi-check: build emulator abi-libraries ## the CUDA bindings against NVIDIA's headers and libraries; no GPU is needed
	@VERBOSITY=normal FILTER=FullyQualifiedName~WavLM.Cuda.Tests.Abi ./tests/run.sh

kernels-check: build ## every kernel through NVIDIA's compiler for four architectures; writes the tables of kernels/README.md; no GPU is needed
	@./tests/abi/fetch.sh
	@$(KERNELS_CHECK) artifacts/abi kernels/README.md $(if $(CI),--check)

mutants: build emulator ## small changes of the kernels and of what launches them, one at a time: the checks must notice each (FILTER=regex)
	@$(MUTANTS) $(if $(FILTER),--filter '$(FILTER)') $(if $(VERBOSE),--verbose)

abi-libraries:
	@./tests/abi/fetch.sh || echo "abi: NVIDIA's libraries are not at hand, and what needs them is skipped"

browser:
	@./setup.sh browser || echo "browser: no Chromium, and what needs it is skipped"

bench: build ## time whole passes stage by stage (MODEL=path DEVICE=auto|cpu|cuda PRECISION=auto|fp32|fp16|bf16|int8)
	@$(if $(MODEL),,test -e artifacts/models/base/config.json || bin/wavlm init --size base --seed 1 --out artifacts/models/base)
	@bin/wavlm bench encode --model $(or $(MODEL),artifacts/models/base) --device $(or $(DEVICE),auto) --precision $(or $(PRECISION),auto) --threads $(THREADS)

bench-cpu: build ## compare with ONNX Runtime and PyTorch on this CPU
	@./setup.sh peers
	@npm ci --prefix bench/peers --ignore-scripts --silent
	@$(PYTHON) bench/peers/compare.py --device cpu --wavlm bin/wavlm --audio tests/fixtures/audio --threads $(THREADS) --out bench/results/$(HOST_NAME)-cpu.json

bench-peers-tiny: build ## every peer that this machine can import, on tiny models: tries the scripts, measures nothing
	@./setup.sh peers
	@npm ci --prefix bench/peers --ignore-scripts --silent
	@$(PYTHON) bench/peers/compare.py --device cpu --tiny --wavlm bin/wavlm --audio tests/fixtures/audio --threads $(THREADS) --out artifacts/peers/tiny.json

gpu-bench: ## everything that is to be measured on this machine's GPU, peers included, within eight minutes; without .NET from the archive that is there (OUT=folder QUICK=1)
	@if command -v dotnet >/dev/null; then $(MAKE) --no-print-directory portable; fi
	@bench/gpu_bench.sh $(OUT)

python-peers:
	@./setup.sh reference || echo "peers: Debian's PyTorch is not at hand, and what needs it is skipped"

reference-check: build ## Base and Large at full size against the PyTorch reference in float64 (REFERENCE=folder DEVICE=cpu|cuda)
	@./setup.sh reference
	@$(PYTHON) tests/reference/reference_check.py --wavlm bin/wavlm --reference $(REFERENCE) --device $(or $(DEVICE),cpu) --audio tests/fixtures/audio/long.wav tests/fixtures/audio/medium.wav tests/fixtures/audio/short.wav

emulator: ## the emulated CUDA device, in tests/cuda-on-cpu/build
	@./setup.sh emulator
	@$(MAKE) --no-print-directory --silent -C tests/cuda-on-cpu -j$(shell nproc)

emulator-tests: emulator
	@$(MAKE) --no-print-directory --silent -C tests/cuda-on-cpu -j$(shell nproc) own-tests

publish: build ## one trimmed file with its own runtime, in artifacts/publish
	@$(PUBLISH) src/WavLM.Cuda.Cli

portable: $(ARCHIVE) ## one archive that runs where there is no .NET, no package and no network
	@packaging/budget.sh $(ARCHIVE)

$(ARCHIVE): $(ARCHIVE_SOURCES) | build
	@./setup.sh portable
	@$(PUBLISH) src/WavLM.Cuda.Cli
	@$(PUBLISH) tests/WavLM.Cuda.GpuCheck
	@rm -f artifacts/wavlm-portable-*.tar.xz
	@packaging/portable.sh $@ artifacts/publish/WavLM.Cuda.Cli/release_linux-x64/wavlm artifacts/publish/WavLM.Cuda.GpuCheck/release_linux-x64/gpu-check

portable-check: portable ## the archive where there are only the C library's files (as root)
	@tests/portable/chroot.sh $(ARCHIVE)

gpu-check: build ## everything that is to be learnt on this machine's GPU (REPORT=file)
	@artifacts/bin/WavLM.Cuda.GpuCheck/release/gpu-check --report $(or $(REPORT),artifacts/gpu-check.txt)

clean: ## remove everything built
	@rm -rf artifacts bin demo tests/cuda-on-cpu/build
