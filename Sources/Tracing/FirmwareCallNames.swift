// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The names of the SBI's extensions and functions, as in the RISC-V Supervisor Binary Interface Specification 3.0.
package enum FirmwareCallNames {
  /// "TIME.set_timer"; numbers where there is no name.
  package static func name(extensionID: UInt64, functionID: UInt64) -> String {
    let number = UInt32(truncatingIfNeeded: extensionID)
    let function = UInt32(truncatingIfNeeded: functionID)
    if let legacy = legacy[number] { return "legacy.\(legacy)" }
    guard let known = extensions[number] else { return "0x\(String(number, radix: 16)).\(function)" }
    let name = Int(function) < known.functions.count ? known.functions[Int(function)] : String(function)
    return "\(known.name).\(name)"
  }

  /// What a0 says that failed (section "Standard SBI Errors"); nil when it is none of these.
  package static func name(ofError error: Int64) -> String? {
    switch error {
    case -1: "FAILED"
    case -2: "NOT_SUPPORTED"
    case -3: "INVALID_PARAM"
    case -4: "DENIED"
    case -5: "INVALID_ADDRESS"
    case -6: "ALREADY_AVAILABLE"
    case -7: "ALREADY_STARTED"
    case -8: "ALREADY_STOPPED"
    case -9: "NO_SHMEM"
    case -10: "INVALID_STATE"
    case -11: "BAD_RANGE"
    case -12: "TIMEOUT"
    case -13: "IO"
    case -14: "DENIED_LOCKED"
    default: nil
    }
  }

  private static let legacy: [UInt32: String] = [
    0: "set_timer", 1: "console_putchar", 2: "console_getchar", 3: "clear_ipi", 4: "send_ipi",
    5: "remote_fence_i", 6: "remote_sfence_vma", 7: "remote_sfence_vma_asid", 8: "shutdown",
  ]

  private static let extensions: [UInt32: (name: String, functions: [String])] = [
    0x10: (
      "BASE",
      [
        "get_spec_version", "get_impl_id", "get_impl_version", "probe_extension", "get_mvendorid",
        "get_marchid", "get_mimpid",
      ]
    ),
    0x5449_4d45: ("TIME", ["set_timer"]),
    0x73_5049: ("IPI", ["send_ipi"]),
    0x5246_4e43: (
      "RFENCE",
      [
        "remote_fence_i", "remote_sfence_vma", "remote_sfence_vma_asid", "remote_hfence_gvma_vmid",
        "remote_hfence_gvma", "remote_hfence_vvma_asid", "remote_hfence_vvma",
      ]
    ),
    0x48_534d: ("HSM", ["hart_start", "hart_stop", "hart_get_status", "hart_suspend"]),
    0x5352_5354: ("SRST", ["system_reset"]),
    0x50_4d55: (
      "PMU",
      [
        "num_counters", "counter_get_info", "counter_config_matching", "counter_start", "counter_stop",
        "counter_fw_read", "counter_fw_read_hi", "snapshot_set_shmem", "event_get_info",
      ]
    ),
    0x4442_434e: ("DBCN", ["console_write", "console_read", "console_write_byte"]),
    0x5355_5350: ("SUSP", ["system_suspend"]),
    0x4350_5043: ("CPPC", ["probe", "read", "read_hi", "write"]),
    0x4e41_434c: (
      "NACL", ["probe_feature", "set_shmem", "sync_csr", "sync_hfence", "sync_sret"]
    ),
    0x53_5441: ("STA", ["set_shmem"]),
    0x53_5345: (
      "SSE",
      [
        "read_attrs", "write_attrs", "register", "unregister", "enable", "disable", "complete", "inject",
        "hart_unmask", "hart_mask",
      ]
    ),
    0x4657_4654: ("FWFT", ["set", "get"]),
    0x4442_5452: (
      "DBTR",
      [
        "num_triggers", "setup_shmem", "read_triggers", "install_triggers", "update_triggers",
        "uninstall_triggers", "enable_triggers", "disable_triggers",
      ]
    ),
    0x4d50_5859: (
      "MPXY",
      [
        "get_shmem_size", "set_shmem", "get_channel_ids", "read_attributes", "write_attributes",
        "send_message_with_response", "send_message_without_response", "get_notification_events",
      ]
    ),
  ]
}
