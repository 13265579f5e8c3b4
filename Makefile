# What this project's people type. Each target does its own set-up on a fresh Debian machine.

.PHONY: build demo test lockstep differential rings torture debugger-torture fuzz bench guests lint fixtures clean
.PHONY: package-tool install uninstall deb docs try-package

# What `rrtool --version` says: in the environment of all builds, so that they agree, and only those of a new commit compile one small file.
export RRTOOL_COMMIT := $(shell Scripts/commit)

PREFIX ?= /usr/local
DESTDIR ?=

build:
	@Scripts/set-up
	swift build -c release --product rrtool

# Records a buggy guest until its bug shows, replays that, reads its log, and rewinds it. Where no Swift is, by a rrtool that is installed.
demo:
	@if command -v swift >/dev/null || ! command -v rrtool >/dev/null; \
	  then Scripts/set-up demo && $(MAKE) --no-print-directory build; fi
	@Scripts/demo

# The tool with Swift's runtime in it, which needs no toolchain where it runs; beside the builds of those who change it.
package-tool:
	@Scripts/set-up
	swift build -c release --product rrtool --static-swift-stdlib --scratch-path .build/package \
	  -Xlinker -z -Xlinker relro -Xlinker -z -Xlinker now

# rrtool with its pages for man and the completions of bash, zsh and fish: make install PREFIX=/usr DESTDIR=/somewhere
install: package-tool
	@Scripts/install .build/package/release/rrtool "$(PREFIX)" "$(DESTDIR)"

uninstall:
	@Scripts/install --remove "$(PREFIX)" "$(DESTDIR)"

# The same as a Debian package for this machine's release: .build/rrtool_VERSION_ARCHITECTURE.deb
deb: package-tool
	@Scripts/set-up deb
	@Scripts/package .build/package/release/rrtool

# Installs the package in a fresh Debian and types what README shows.
try-package: deb
	@Scripts/set-up try-package
	@Scripts/try-package

# Writes docs/commands.md anew from the help texts.
docs: build
	.build/release/rrtool manual >docs/commands.md

# Every test, in release mode: the guests that they run are too slow otherwise.
test:
	@Scripts/set-up tests
	swift build -c release --build-tests
	fixtures/debian/make-symbols
	fixtures/debian/make-network
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

# Drivers of virtio devices that do whatever comes: a million bouts and more with each of the four devices.
rings:
	@Scripts/set-up tests
	swift build -c release --build-tests
	RRTOOL_RING_BOUTS=$${RRTOOL_RING_BOUTS:-700000} swift test -c release --skip-build --filter randomRings

# Kills, failed system calls and damaged inputs at length (docs/reliability.md): make torture OPTIONS="--kills 100 --seed 7"
torture: build
	@Scripts/set-up torture
	Scripts/torture $(OPTIONS)

# Random commands in gdb, and every packet checked (docs/reliability.md): make debugger-torture OPTIONS="--commands 1000 --seed 7"
debugger-torture: build
	@Scripts/set-up debugger-torture
	Scripts/debugger-torture $(OPTIONS)

# libFuzzer on the parsers of strangers' bytes: make fuzz TARGETS="qcow2 manifest" SECONDS_EACH=600
fuzz:
	@Scripts/set-up
	SECONDS_EACH=$(or $(SECONDS_EACH),60) Scripts/fuzz $(TARGETS)

# rrtool beside QEMU: make bench OPTIONS="--kernels sort,debian --json results.json"
# Instead of everything, real programs in a Debian guest: make bench OPTIONS="--programs --only gzip,cc1 --trixie DIR"
# Then going back through a recording: make bench TRAVEL="--places 10 --no-qemu --json travel.json"
# Then dumps of running guests: make bench DUMPS="--dumps 10 --modes run"
# Then a debugger that stops a guest while it is recorded: make bench DEBUGGED="--stops 10"
# Then the network, a download and small requests: make bench NETWORK="--rounds 5 --no-qemu"
bench:
	@Scripts/set-up bench
	swift build -c release --product rrtool
ifneq ($(filter --programs,$(OPTIONS)),)
	fixtures/debian/make-programs
	Benchmarks/bench $(OPTIONS)
else
	Benchmarks/bench $(OPTIONS)
	Benchmarks/time-travel $(TRAVEL)
	Benchmarks/live-dump $(DUMPS)
	Benchmarks/live-debug $(DEBUGGED)
	fixtures/debian/make-network
	Benchmarks/network $(NETWORK)
endif

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
