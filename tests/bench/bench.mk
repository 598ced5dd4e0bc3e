# Benchmarks: make bench [BENCH='-n 50 start oci'].  Prints numbers, asserts nothing.

BENCH ?=

$(B)/bench/floor: tests/bench/floor.c
	$(call say,CC-S,$<)
	@mkdir -p $(@D)
	$(Q)$(STATIC_CC) $(CSTD) -O2 $(WARN) $(CPPFLAGS) -static -o $(new) $< && $(done)

$(B)/bench/interleave: tests/bench/interleave.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CSTD) -O2 $(WARN) $(CPPFLAGS) -o $(new) $< && $(done)

.PHONY: bench bench-tools
bench-tools: $(B)/bench/floor $(B)/bench/interleave
bench:
	@tests/install-packages build bench
	@$(MAKE) --no-print-directory -j2 all bench-tools
	@tests/bench/bench -B $(call quote,$(abspath $(B))) $(BENCH)
