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

.SECONDEXPANSION:
$(B)/unit/%: tests/unit/%.c $$(UNIT_OBJ_$$(firstword $$(subst /, ,$$*)))
	$(call say,UNIT,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Wno-missing-prototypes -MF $@.d $(LDHARDEN) -Wl,--allow-multiple-definition \
		-o $@ $< $(filter %.o,$^) $(UNIT_LIBS_$(firstword $(subst /, ,$*))) -lcmocka

.PHONY: unit
unit: $(UNIT_BIN)
