// SPDX-License-Identifier: Apache-2.0

/// Lists of options as QEMU writes them: commas part the fields, and two commas are one that belongs to a field.
public enum CommaList {
  /// The fields of `text`, at least one.
  public static func fields(of text: String) -> [String] {
    var fields = [""]
    var characters = text.makeIterator()
    var held = characters.next()
    while let character = held {
      held = characters.next()
      if character != "," {
        fields[fields.count - 1].append(character)
      } else if held == "," {
        fields[fields.count - 1].append(",")
        held = characters.next()
      } else {
        fields.append("")
      }
    }
    return fields
  }
}
