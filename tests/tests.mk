# Tests, benchmarks and checks.  Included by the Makefile.
#
# Unit tests: tests/unit/FOLDER/test_FILE.c links only that folder and those below it, which
# proves the layers.

UNIT_LIBS_base := -lyajl
UNIT_LIBS_cgroup := -lyajl -ldl
UNIT_LIBS_seccomp := -lseccomp -lyajl
UNIT_LIBS_netns := -lmnl -lnftnl -lyajl
UNIT_LIBS_image := $(IMAGE_LIBS)
UNIT_LIBS_runtime := $(BERTH_LIBS)
UNIT_LIBS_cli := $(BERTH_LIBS)
UNIT_OBJ_base := $(BASE_O)
UNIT_OBJ_cgroup := $(call obj,cgroup,$(call names,cgroup)) $(BASE_O)
UNIT_OBJ_seccomp := $(call obj,seccomp,$(call names,seccomp)) $(BASE_O)
UNIT_OBJ_netns := $(call obj,netns,$(call names,netns)) $(BASE_O)
UNIT_OBJ_image := $(filter-out $(B)/obj/image/worker.o,$(IMAGE_HEAVY_O)) $(IMAGE_LIGHT_O) $(BASE_O)
UNIT_OBJ_runtime := $(RUNTIME_O) $(LEAF_O) $(IMAGE_LIGHT_O) $(BASE_O)
UNIT_OBJ_cli := $(filter-out $(B)/obj/cli/main.o,$(CLI_O)) $(UNIT_OBJ_runtime)

UNIT_SRC := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN := $(UNIT_SRC:tests/unit/%.c=$(B)/unit/%)

# Births are real: they execute what was built.
$(filter $(B)/unit/runtime/test_launch%,$(UNIT_BIN)): | $(B)/libexec/berth/berth-init

.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $$(UNIT_OBJ_$$(firstword $$(subst /, ,$$*)))
	$(call say,UNIT,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes $(deps) $(LDHARDEN) -Wl,--allow-multiple-definition \
		-o $(new) $< $(filter %.o,$^) $(UNIT_LIBS_$(firstword $(subst /, ,$*))) -lcmocka && \
		mv $(new).deps $@.d && $(done)

# What scripts run inside containers to do what a shell cannot.
$(B)/tests/probe: tests/system/probe.c
	$(call say,CC-S,$<)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(CSTD) -O1 $(WARN) $(CPPFLAGS) -static -o $(new) $< && $(done)

.PHONY: unit probe
probe: $(B)/tests/probe
unit: $(UNIT_BIN) probe

# ---- proof ----
#
# The packages come first, since what is installed decides how this file is read
# (musl-gcc): so these targets call make once more.

TESTS_RUN = tests/run -B $(call quote,$(abspath $(B)))

need_root = @[ "$$(id -u)" = 0 ] || { echo 'make $@ needs root: sudo make $@' >&2; exit 1; }

.PHONY: check check-unit check-system check-security check-vm lint packages
check:
	$(need_root)
	@tests/install-packages build check vm
	@$(MAKE) --no-print-directory -j2 all unit $(if $(CI),CFLAGS="$(CFLAGS) -Werror")
	@$(TESTS_RUN)

check-unit: unit
	@$(TESTS_RUN) unit

check-system: all probe
	@$(TESTS_RUN) system

check-security: all probe
	@$(TESTS_RUN) security

check-vm:
	@tests/install-packages build check vm
	@$(MAKE) --no-print-directory -j2 all probe
	@$(TESTS_RUN) vm vmsd

lint: all
	@$(TESTS_RUN) lint

packages:
	@tests/install-packages build check vm demo bench

.PHONY: demo
demo:
	$(need_root)
	@tests/install-packages build demo
	@echo 'building (a minute or two)'
	@$(MAKE) --no-print-directory -s -j2 all say=@:
	@B=$(call quote,$(abspath $(B))) examples/demo.sh

# ---- installation ----

installed = $(call quote,$(DESTDIR)$(PREFIX)/$(1))
BINDIR := $(call installed,bin)
LIBEXECDIR := $(call installed,libexec/berth)
MANDIR := $(call installed,share/man/man1)
BASH_COMPLETION := $(call installed,share/bash-completion/completions/berth)
ZSH_COMPLETION := $(call installed,share/zsh/site-functions/_berth)
FISH_COMPLETION := $(call installed,share/fish/vendor_completions.d/berth.fish)
LIBEXEC_NAMES := berth-image berth-supervisor berth-init

.PHONY: install uninstall help
install: all
	install -d $(BINDIR) $(LIBEXECDIR)
	install -m 755 $(B)/bin/berth $(BINDIR)/berth
	ln -sf berth $(BINDIR)/berth-oci
	install -m 755 $(addprefix $(B)/libexec/berth/,$(LIBEXEC_NAMES)) $(LIBEXECDIR)/
	rm -rf $(B)/share/man1 $(B)/share/completions
	$(B)/bin/berth internal-docs $(B)/share
	install -d $(MANDIR) && install -m 644 $(B)/share/man1/*.1 $(MANDIR)/
	install -D -m 644 $(B)/share/completions/berth.bash $(BASH_COMPLETION)
	install -D -m 644 $(B)/share/completions/_berth $(ZSH_COMPLETION)
	install -D -m 644 $(B)/share/completions/berth.fish $(FISH_COMPLETION)

uninstall:
	rm -f $(BINDIR)/berth $(BINDIR)/berth-oci $(addprefix $(LIBEXECDIR)/,$(LIBEXEC_NAMES))
	rm -f $(MANDIR)/berth.1 $(MANDIR)/berth-*.1
	rm -f $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
	-rmdir $(LIBEXECDIR) 2>/dev/null

help:
	@echo 'make              build everything into build/'
	@echo 'make demo         show what it does, from nothing (installs packages, needs root)'
	@echo 'make check        all tests (installs packages, needs root); check-unit, check-system,'
	@echo '                  check-security, check-vm for parts; SANITIZE=1 under ASan and UBSan'
	@echo 'make lint         checks of the source'
	@echo 'make bench        measure, beside other runtimes'
	@echo 'make install      to PREFIX ($(PREFIX)), below DESTDIR; make uninstall'
	@echo 'make clean        remove what was built (with B=DIR: there, and nothing else)'
	@echo 'V=1 shows commands; SHARED=1 links no library statically; CC, CFLAGS, LDFLAGS as'
	@echo 'everywhere; B=DIR is the build folder'

-include tests/fuzz/fuzz.mk
-include tests/bench/bench.mk
