# Fuzzing of the parsers that bytes from outside meet first.
#
#   make fuzz [FUZZ_SECONDS=60]   each target for that long, beginning with its corpus;
#                                 what it finds stays in $(B)/fuzz
#   make check-fuzz               each target once over its corpus
#
# A target is tests/fuzz/fuzz_NAME.c with a corpus in tests/fuzz/corpus/NAME and a line here
# that says which sources it is made of; they are compiled anew, by clang with its checks on.

FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_CFLAGS = $(CSTD) -O1 -g -Wall -Wextra -fno-omit-frame-pointer -fno-sanitize-recover=undefined \
	-fsanitize=fuzzer,address,undefined -I. -D_GNU_SOURCE -DBERTH_VERSION='"$(VERSION)"' \
	$(filter -DBERTH_ISAL=%,$(CPPFLAGS))

FUZZ_SRC_json := $(wildcard base/*.c)
FUZZ_LIBS_json := -lyajl
FUZZ_SRC_text := $(filter-out base/json%.c base/log.c base/opt.c,$(wildcard base/*.c))
FUZZ_SRC_template := $(wildcard cli/template*.c) cli/value.c $(wildcard base/*.c)
FUZZ_LIBS_template := -lyajl

FUZZ_SRC_spec := $(wildcard base/*.c cgroup/*.c seccomp/*.c runtime/spec_*.c) runtime/check.c
FUZZ_LIBS_spec := -lyajl -lseccomp -ldl
FUZZ_SRC_cdi := $(FUZZ_SRC_spec) runtime/cdi.c
FUZZ_LIBS_cdi := $(FUZZ_LIBS_spec)
FUZZ_SRC_filter := $(wildcard seccomp/*.c base/*.c)
FUZZ_LIBS_filter := -lyajl -lseccomp
FUZZ_SRC_cgroup := $(wildcard base/*.c cgroup/*.c)
FUZZ_LIBS_cgroup := -lyajl -ldl

FUZZ_SRC_manifest := $(filter-out image/worker.c,$(wildcard image/*.c)) $(wildcard base/*.c)
FUZZ_LIBS_manifest := $(IMAGE_LIBS)
FUZZ_SRC_imagetext := $(FUZZ_SRC_manifest)
FUZZ_LIBS_imagetext := $(IMAGE_LIBS)
FUZZ_SRC_layer := $(FUZZ_SRC_manifest)
FUZZ_LIBS_layer := $(IMAGE_LIBS)

FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_BIN := $(FUZZ_NAMES:%=$(B)/fuzz/fuzz_%)

$(B)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $$(FUZZ_SRC_$$*) $$(wildcard base/*.h)
	$(call say,FUZZ,$<)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -o $@ $(filter %.c,$^) $(FUZZ_LIBS_$*)

.PHONY: fuzz check-fuzz $(FUZZ_NAMES:%=fuzz-%)
fuzz: $(FUZZ_NAMES:%=fuzz-%)

$(FUZZ_NAMES:%=fuzz-%): fuzz-%: $(B)/fuzz/fuzz_%
	@mkdir -p $(B)/fuzz/found-$*
	$(B)/fuzz/fuzz_$* -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -max_len=8192 \
		-print_final_stats=1 -artifact_prefix=$(B)/fuzz/$*- $(B)/fuzz/found-$* tests/fuzz/corpus/$*

check-fuzz: $(FUZZ_BIN)
	@for n in $(FUZZ_NAMES); do \
		$(B)/fuzz/fuzz_$$n -runs=0 -timeout=10 tests/fuzz/corpus/$$n >$(B)/fuzz/$$n.log 2>&1 || \
			{ cat $(B)/fuzz/$$n.log; exit 1; }; \
		echo "fuzz_$$n: $$(ls tests/fuzz/corpus/$$n | wc -l) inputs"; \
	done
