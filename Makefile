# What this project's people type. Each target does its own set-up on a fresh Debian machine.

.PHONY: build demo test lockstep differential torture fuzz bench guests lint fixtures clean

build:
	@Scripts/set-up
	swift build -c release --product rrtool

# Records a buggy guest until its bug shows, replays that, reads its log, and rewinds it.
demo: build
	@Scripts/demo

# Every test, in release mode: the guests that they run are too slow otherwise.
test:
	@Scripts/set-up tests
	swift build -c release --build-tests
	fixtures/debian/make-symbols
	@Scripts/test

# Both engines side by side at length: every fixture, many random guests, and the Debian guest with one and two harts.
lockstep:
	@Scripts/set-up tests
	swift build -c release --build-tests
	RRTOOL_RANDOM_INSTRUCTIONS=10000000 swift test -c release --skip-build --filter 'EngineTests|LockstepTests'
	for harts in 1 2; do .build/release/rrtool run --engine lockstep --smp $$harts --memory 512M \
	  --kernel .scratch/debian/vmlinuz --initrd .scratch/debian/initrd-work.gz --append console=ttyS0 \
	  --drive file=.scratch/debian/disk.raw || exit; done

# Random programs on both engines and on QEMU: a million instructions and more for each mode and each kind of hart. What QEMU 7.2
# lacks is run where RRTOOL_NEWER_QEMU names the executable of a QEMU 10; RISCV_TESTS names a folder of built riscv-tests.
differential:
	@Scripts/set-up tests
	swift build -c release --build-tests
	RRTOOL_DIFFERENTIAL_PROGRAMS=$${RRTOOL_DIFFERENTIAL_PROGRAMS:-10} \
	  swift test -c release --skip-build --filter ConformanceTests

# Kills, failed system calls and damaged inputs at length (docs/reliability.md): make torture OPTIONS="--kills 100 --seed 7"
torture: build
	@Scripts/set-up torture
	Scripts/torture $(OPTIONS)

# libFuzzer on the parsers of strangers' bytes: make fuzz TARGETS="qcow2 manifest" SECONDS_EACH=600
fuzz:
	@Scripts/set-up
	SECONDS_EACH=$(or $(SECONDS_EACH),60) Scripts/fuzz $(TARGETS)

# rrtool beside QEMU: make bench OPTIONS="--kernels sort,debian --json results.json"
# Then going back through a recording: make bench TRAVEL="--places 10 --no-qemu --json travel.json"
# Then dumps of running guests: make bench DUMPS="--dumps 10 --modes run"
bench:
	@Scripts/set-up bench
	swift build -c release --product rrtool
	Benchmarks/bench $(OPTIONS)
	Benchmarks/time-travel $(TRAVEL)
	Benchmarks/live-dump $(DUMPS)

# Guests that people bring, beside QEMU (docs/guests.md): those of Debian's packages, and those that a folder describes:
# make guests GUESTS=DIR OPTIONS="xv6 --harts 1,3 --json results.json"
guests: build
	@Scripts/set-up guests
	fixtures/debian/make-system
	Scripts/guests $(if $(GUESTS),--guests "$(GUESTS)") $(OPTIONS)

lint:
	swift format lint --strict --recursive Sources Tests Package.swift

# Builds the bare-metal guests anew and embeds the ledger into the tool.
fixtures:
	fixtures/guests/build fixtures/guests/built
	fixtures/guests/embed

clean:
	rm -rf .build .scratch
