// SPDX-License-Identifier: Apache-2.0

/// What is known of a system call of 64-bit RISC-V Linux: names and numbers as in `asm-generic/unistd.h` up to Linux 6.17, arguments as in
/// the manual pages.
package struct LinuxSystemCall: Sendable {
  package enum Argument: Sendable {
    /// A signed number: a descriptor, a process, a count.
    case decimal
    /// An address, flags, a mode.
    case hexadecimal
    /// The address of a text that ends with a zero.
    case text
  }

  package let name: String
  /// Nil where they are not known.
  package let arguments: [Argument]?

  /// The numbers of the arguments that are texts.
  package var texts: [Int] {
    (arguments ?? []).indices.filter { if case .text? = arguments?[$0] { true } else { false } }
  }

  package static func named(_ number: UInt64) -> LinuxSystemCall? { known[number] }

  /// What `brk`, `mmap`, `mremap` and `shmat` return is an address.
  package static func returnsAddress(_ number: UInt64) -> Bool { [214, 222, 216, 196].contains(number) }

  /// `clone` and `clone3`, which return twice.
  static func makesTask(_ number: UInt64) -> Bool { number == 220 || number == 435 }

  private static let known: [UInt64: LinuxSystemCall] = {
    var calls: [UInt64: LinuxSystemCall] = [:]
    for entry in table.split(whereSeparator: { $0 == "," || $0 == "\n" }) {
      let words = entry.split(separator: " ")
      guard words.count == 3, let number = UInt64(words[0]) else {
        preconditionFailure("the table has lines of three words")
      }
      let arguments: [Argument]? =
        words[2] == "?"
        ? nil
        : words[2].compactMap { $0 == "d" ? .decimal : $0 == "x" ? .hexadecimal : $0 == "t" ? .text : nil }
      calls[number] = LinuxSystemCall(name: String(words[1]), arguments: arguments)
    }
    return calls
  }()

  /// Number, name, and a letter an argument: d decimal, x hexadecimal, t text; 0: none, ?: not known.
  private static let table = """
    0 io_setup dx, 1 io_destroy x, 2 io_submit xdx, 3 io_cancel xxx, 4 io_getevents xddxx,
    5 setxattr ttxdd, 6 lsetxattr ttxdd, 7 fsetxattr dtxdd, 8 getxattr ttxd, 9 lgetxattr ttxd,
    10 fgetxattr dtxd, 11 listxattr txd, 12 llistxattr txd, 13 flistxattr dxd, 14 removexattr tt,
    15 lremovexattr tt, 16 fremovexattr dt, 17 getcwd xd, 18 lookup_dcookie ?, 19 eventfd2 dx,
    20 epoll_create1 x, 21 epoll_ctl dddx, 22 epoll_pwait dxddxd, 23 dup d, 24 dup3 ddx, 25 fcntl ddx,
    26 inotify_init1 x, 27 inotify_add_watch dtx, 28 inotify_rm_watch dd, 29 ioctl dxx,
    30 ioprio_set ddd, 31 ioprio_get dd, 32 flock dx, 33 mknodat dtxx, 34 mkdirat dtx, 35 unlinkat dtx,
    36 symlinkat tdt, 37 linkat dtdtx, 38 renameat dtdt, 39 umount2 tx, 40 mount tttxx,
    41 pivot_root tt, 42 nfsservctl ?, 43 statfs tx, 44 fstatfs dx, 45 truncate td, 46 ftruncate dd,
    47 fallocate dxdd, 48 faccessat dtx, 49 chdir t, 50 fchdir d, 51 chroot t, 52 fchmod dx,
    53 fchmodat dtx, 54 fchownat dtddx, 55 fchown ddd, 56 openat dtxx, 57 close d, 58 vhangup 0,
    59 pipe2 xx, 60 quotactl xtdx, 61 getdents64 dxd, 62 lseek ddd, 63 read dxd, 64 write dxd,
    65 readv dxd, 66 writev dxd, 67 pread64 dxdd, 68 pwrite64 dxdd, 69 preadv dxdd, 70 pwritev dxdd,
    71 sendfile ddxd, 72 pselect6 dxxxxx, 73 ppoll xdxxd, 74 signalfd4 dxdx, 75 vmsplice dxdx,
    76 splice dxdxdx, 77 tee dddx, 78 readlinkat dtxd, 79 newfstatat dtxx, 80 fstat dx, 81 sync 0,
    82 fsync d, 83 fdatasync d, 84 sync_file_range dddx, 85 timerfd_create dx, 86 timerfd_settime dxxx,
    87 timerfd_gettime dx, 88 utimensat dtxx, 89 acct t, 90 capget xx, 91 capset xx, 92 personality x,
    93 exit d, 94 exit_group d, 95 waitid ddxxx, 96 set_tid_address x, 97 unshare x, 98 futex xddxxd,
    99 set_robust_list xd, 100 get_robust_list dxx, 101 nanosleep xx, 102 getitimer dx,
    103 setitimer dxx, 104 kexec_load xdxx, 105 init_module xdt, 106 delete_module tx,
    107 timer_create dxx, 108 timer_gettime dx, 109 timer_getoverrun d, 110 timer_settime dxxx,
    111 timer_delete d, 112 clock_settime dx, 113 clock_gettime dx, 114 clock_getres dx,
    115 clock_nanosleep dxxx, 116 syslog dxd, 117 ptrace ddxx, 118 sched_setparam dx,
    119 sched_setscheduler ddx, 120 sched_getscheduler d, 121 sched_getparam dx,
    122 sched_setaffinity ddx, 123 sched_getaffinity ddx, 124 sched_yield 0,
    125 sched_get_priority_max d, 126 sched_get_priority_min d, 127 sched_rr_get_interval dx,
    128 restart_syscall 0, 129 kill dd, 130 tkill dd, 131 tgkill ddd, 132 sigaltstack xx,
    133 rt_sigsuspend xd, 134 rt_sigaction dxxd, 135 rt_sigprocmask dxxd, 136 rt_sigpending xd,
    137 rt_sigtimedwait xxxd, 138 rt_sigqueueinfo ddx, 139 rt_sigreturn 0, 140 setpriority ddd,
    141 getpriority dd, 142 reboot xxxx, 143 setregid dd, 144 setgid d, 145 setreuid dd, 146 setuid d,
    147 setresuid ddd, 148 getresuid xxx, 149 setresgid ddd, 150 getresgid xxx, 151 setfsuid d,
    152 setfsgid d, 153 times x, 154 setpgid dd, 155 getpgid d, 156 getsid d, 157 setsid 0,
    158 getgroups dx, 159 setgroups dx, 160 uname x, 161 sethostname td, 162 setdomainname td,
    163 getrlimit dx, 164 setrlimit dx, 165 getrusage dx, 166 umask x, 167 prctl dxxxx, 168 getcpu xxx,
    169 gettimeofday xx, 170 settimeofday xx, 171 adjtimex x, 172 getpid 0, 173 getppid 0,
    174 getuid 0, 175 geteuid 0, 176 getgid 0, 177 getegid 0, 178 gettid 0, 179 sysinfo x,
    180 mq_open txxx, 181 mq_unlink t, 182 mq_timedsend dxddx, 183 mq_timedreceive dxdxx,
    184 mq_notify dx, 185 mq_getsetattr dxx, 186 msgget xx, 187 msgctl ddx, 188 msgrcv dxddx,
    189 msgsnd dxdx, 190 semget xdx, 191 semctl dddx, 192 semtimedop dxdx, 193 semop dxd,
    194 shmget xdx, 195 shmctl ddx, 196 shmat dxx, 197 shmdt x, 198 socket ddd, 199 socketpair dddx,
    200 bind dxd, 201 listen dd, 202 accept dxx, 203 connect dxd, 204 getsockname dxx,
    205 getpeername dxx, 206 sendto dxdxxd, 207 recvfrom dxdxxx, 208 setsockopt dddxd,
    209 getsockopt dddxx, 210 shutdown dd, 211 sendmsg dxx, 212 recvmsg dxx, 213 readahead ddd,
    214 brk x, 215 munmap xd, 216 mremap xddxx, 217 add_key ttxdd, 218 request_key tttd,
    219 keyctl dxxxx, 220 clone xxxxx, 221 execve txx, 222 mmap xdxxdd, 223 fadvise64 dddd,
    224 swapon tx, 225 swapoff t, 226 mprotect xdx, 227 msync xdx, 228 mlock xd, 229 munlock xd,
    230 mlockall x, 231 munlockall 0, 232 mincore xdx, 233 madvise xdd, 234 remap_file_pages xdxdx,
    235 mbind xddxdx, 236 get_mempolicy xxdxx, 237 set_mempolicy dxd, 238 migrate_pages ddxx,
    239 move_pages ddxxxx, 240 rt_tgsigqueueinfo dddx, 241 perf_event_open xdddx, 242 accept4 dxxx,
    243 recvmmsg dxdxx, 258 riscv_hwprobe xdxxx, 259 riscv_flush_icache xxx, 260 wait4 dxxx,
    261 prlimit64 ddxx, 262 fanotify_init xx, 263 fanotify_mark dxxdt, 264 name_to_handle_at dtxxx,
    265 open_by_handle_at dxx, 266 clock_adjtime dx, 267 syncfs d, 268 setns dx, 269 sendmmsg dxdx,
    270 process_vm_readv dxdxdx, 271 process_vm_writev dxdxdx, 272 kcmp ddddd, 273 finit_module dtx,
    274 sched_setattr dxx, 275 sched_getattr dxdx, 276 renameat2 dtdtx, 277 seccomp dxx,
    278 getrandom xdx, 279 memfd_create tx, 280 bpf dxd, 281 execveat dtxxx, 282 userfaultfd x,
    283 membarrier dxd, 284 mlock2 xdx, 285 copy_file_range dxdxdx, 286 preadv2 dxddx,
    287 pwritev2 dxddx, 288 pkey_mprotect xdxd, 289 pkey_alloc xx, 290 pkey_free d, 291 statx dtxxx,
    292 io_pgetevents xddxxx, 293 rseq xdxx, 294 kexec_file_load dddtx, 424 pidfd_send_signal ddxx,
    425 io_uring_setup dx, 426 io_uring_enter dddxxd, 427 io_uring_register ddxd, 428 open_tree dtx,
    429 move_mount dtdtx, 430 fsopen tx, 431 fsconfig ddtxd, 432 fsmount dxx, 433 fspick dtx,
    434 pidfd_open dx, 435 clone3 xd, 436 close_range ddx, 437 openat2 dtxd, 438 pidfd_getfd ddx,
    439 faccessat2 dtxx, 440 process_madvise dxddx, 441 epoll_pwait2 dxdxxd, 442 mount_setattr dtxxd,
    443 quotactl_fd ?, 444 landlock_create_ruleset xdx, 445 landlock_add_rule ddxx,
    446 landlock_restrict_self dx, 447 memfd_secret x, 448 process_mrelease dx, 449 futex_waitv xdxxd,
    450 set_mempolicy_home_node xddx, 451 cachestat dxxx, 452 fchmodat2 dtxx, 453 map_shadow_stack ?,
    454 futex_wake ?, 455 futex_wait ?, 456 futex_requeue ?, 457 statmount ?, 458 listmount ?,
    459 lsm_get_self_attr ?, 460 lsm_set_self_attr ?, 461 lsm_list_modules ?, 462 mseal xdx,
    463 setxattrat ?, 464 getxattrat ?, 465 listxattrat ?, 466 removexattrat ?, 467 open_tree_attr ?
    """
}
