// SPDX-License-Identifier: Apache-2.0

/// The parser's scripts for shells, with what it does not know: that a view stands before a recording or behind it, that `help` is
/// followed by commands, and what bash does with `=`.
struct CompletionScript {
  /// The commands, and those below them.
  let commands: [(name: String, below: [String])]

  private var views: [String] { commands.first { $0.name == "inspect" }?.below ?? [] }
  private var parents: [(name: String, below: [String])] { commands.filter { !$0.below.isEmpty } }
  private var names: String { commands.map(\.name).joined(separator: " ") }

  /// Asks the tool for the recordings of `inspect`.
  private static let recordings = "---completion inspect summary -- positional@0"

  /// A script as it should be; other texts stay as they are.
  func improved(_ text: String) -> String {
    if text.hasPrefix(Self.bashMark) { return bash(String(text.dropFirst(Self.bashMark.count))) }
    if text.hasPrefix("#compdef rrtool\n") { return zsh(text) }
    if text.hasPrefix("function __rrtool_") { return fish(text) }
    return text
  }

  // The recording is taken out of the line where it stands before the view: what may follow it may follow `inspect` too.

  private static let bashMark = "#!/bin/bash\n"

  /// bash parts words at `=`, and has the script asked for what is behind `file=` alone: where that has nothing to say, bash is to offer
  /// files. It reads the script and never starts it, so that the first line has no meaning.
  private func bash(_ text: String) -> String {
    let second = parents.map { command in
      "    3:\(command.name)) COMPREPLY+=($(compgen -W '\(command.below.joined(separator: " "))' -- \"${cur}\")) ;;\n"
    }
    return
      text
      .replacing(
        "\ncomplete -o filenames -F ", with: "\ncomplete -o filenames -o bashdefault -o default -F "
      )
      .adding(
        """
            if [[ "${unparsed_words[0]}" == inspect && "${#unparsed_words[@]}" -gt 2 ]]; then
                case "${unparsed_words[1]}" in
                -*|\(views.joined(separator: "|"))) ;;
                *) unparsed_words=(inspect "${unparsed_words[@]:2}") ;;
                esac
            fi

        """, after: "    local -a unparsed_words=(\"${COMP_WORDS[@]:1:${COMP_CWORD}}\")\n",
        in: "_rrtool() {\n"
      )
      .adding(
        """
                __rrtool_add_completions -W "$(__rrtool_custom_complete \(Self.recordings) "${COMP_CWORD}" "$(__rrtool_cursor_index_in_current_word)")"

        """, after: "        # Offer subcommand completions\n", in: "_rrtool_inspect() {\n"
      )
      .adding(
        """
            case "${COMP_CWORD}:${COMP_WORDS[2]}" in
            2:*) COMPREPLY+=($(compgen -W '\(names)' -- "${cur}")) ;;
        \(second.joined())    esac

        """, after: "    __rrtool_offer_flags_options -1\n", in: "_rrtool_help() {\n")
  }

  private func zsh(_ text: String) -> String {
    let second = parents.map { command in
      "    3:\(command.name)) compadd \(command.below.joined(separator: " ")) ;;\n"
    }
    let words = """
      __rrtool_help_words() {
          case "${CURRENT}:${words[2]}" in
          2:*) compadd \(names) ;;
      \(second.joined())    esac
      }


      """
    return
      text
      .replacing("        '*:subcommands:'\n", with: "        '*:command:{__rrtool_help_words}'\n")
      .replacing("_rrtool_help() {\n", with: words + "_rrtool_help() {\n")
      .adding(
        """
            if [[ "${words[2]}" == inspect && "${CURRENT}" -gt 3 && "${words[3]}" != (-*|\(views.joined(separator: "|"))) ]]; then
                words[3]=()
                ((CURRENT--))
            fi

        """, after: "    local -ir current_word_index=\"$((CURRENT - 1))\"\n", in: "_rrtool() {\n"
      )
      .adding(
        """
                __rrtool_custom_complete \(Self.recordings) "${current_word_index}" "$(__rrtool_cursor_index_in_current_word)" && ret=0

        """, after: "        _describe -V subcommand subcommands && ret=0\n", in: "_rrtool_inspect() {\n")
  }

  private func fish(_ text: String) -> String {
    func line(_ condition: String, _ words: String, keepsOrder: Bool = false) -> String {
      "complete -c 'rrtool' -n '\(condition)' -f\(keepsOrder ? "k" : "")a '\(words)'\n"
    }
    let second = parents.map { command in
      line(
        // There may be no word yet, and a word may look like an option.
        "contains -- \"help \(command.name)\" (string join -- \" \" (__rrtool_tokens -pc)[2..])",
        command.below.joined(separator: " "))
    }
    return text.adding(
      """
          if test "$unparsed_tokens[2]" = inspect; and set -q unparsed_tokens[3]; and not contains -- $unparsed_tokens[3] \(views.joined(separator: " ")); and not string match -q -- '-*' $unparsed_tokens[3]
              set -e unparsed_tokens[3]
          end

      """, after: "    set -l unparsed_tokens (__rrtool_tokens -pc)\n", in: "function __rrtool_parse_tokens"
    )
      + "\n"
      + line(
        "__rrtool_should_offer_completions_for_positional \"rrtool inspect\" -eq 1",
        "(__rrtool_custom_completion \(Self.recordings) (count (__rrtool_tokens -pc)) (__rrtool_tokens -tC))",
        keepsOrder: true)
      + line("__rrtool_should_offer_completions_for_positional \"rrtool help\" -eq 1", names)
      + second.joined()
  }
}

extension String {
  /// Puts `more` behind the first `mark` that follows `place`.
  fileprivate func adding(_ more: String, after mark: String, in place: String) -> String {
    guard let start = firstRange(of: place), let end = self[start.upperBound...].firstRange(of: mark) else {
      return self
    }
    return self[..<end.upperBound] + more + self[end.upperBound...]
  }
}
