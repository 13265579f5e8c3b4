// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What stands behind a `VirtioTransport`: one kind of virtio device, with its queues and configuration
/// space.
package protocol VirtioDevice: AnyObject {
  /// See `Device.name`.
  var name: String { get }
  /// Virtio specification 1.2, section 5.
  var deviceID: UInt32 { get }
  /// The feature bits of this kind of device that it offers. The transport adds those of the ring and of
  /// virtio itself.
  var features: UInt64 { get }
  var queueCount: Int { get }
  /// The most entries of each queue.
  var queueSizeMaximum: Int { get }
  /// The configuration space. A driver cannot write to it.
  var configuration: [UInt8] { get }
  /// Changes whenever the configuration space does.
  var configurationGeneration: UInt32 { get }

  /// The device now stands behind `transport`, for good. For those that answer later than they are asked.
  func plug(into transport: VirtioTransport)
  /// The driver has put requests into queue `index`, and the device is live.
  func process(queue index: Int, on transport: VirtioTransport)
  /// The driver has said which features it will use.
  func featuresAccepted()
  /// Forgets all that the driver has asked for.
  func reset()
  func save(to writer: inout ByteWriter)
  func restore(from reader: inout ByteReader) throws(ByteCodingError)
}

extension VirtioDevice {
  package var queueSizeMaximum: Int { VirtQueue.maximumSize }
  package var configurationGeneration: UInt32 { 0 }
  package func plug(into transport: VirtioTransport) {}
  package func featuresAccepted() {}
}

/// Feature bits that belong to the transport (virtio specification 1.2, section 6).
enum VirtioFeature {
  static let indirectDescriptors: UInt64 = 1 << 28
  static let eventIndex: UInt64 = 1 << 29
  static let version1: UInt64 = 1 << 32
  /// Of the legacy interface: interrupts for an empty queue if asked for (which this one never is), any cut of requests.
  static let notifyOnEmpty: UInt64 = 1 << 24
  static let anyLayout: UInt64 = 1 << 27
  static let legacyTransport = notifyOnEmpty | anyLayout | indirectDescriptors | eventIndex
  static let transport = indirectDescriptors | eventIndex | version1
}

/// How a driver broke the rules of a queue. The device then needs a reset; nothing else happens.
package enum VirtQueueViolation: Error, Equatable, Sendable {
  /// A ring does not lie in RAM.
  case ringOutsideMemory
  /// More requests became available than the queue has room for, or more are in flight.
  case tooManyRequests
  /// A descriptor's index, or the head of a chain, is beyond its table.
  case indexOutOfRange
  /// A chain loops or has more descriptors than a chain may have.
  case chainTooLong
  /// A descriptor has no bytes, or the bytes of a chain exceed 4 GiB.
  case badLength
  /// A descriptor's bytes do not lie in RAM.
  case bufferOutsideMemory
  /// A descriptor to read follows one to write.
  case readableAfterWritable
  /// An indirect table where none is allowed, or one of a bad size.
  case badIndirectTable
}
