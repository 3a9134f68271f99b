internal import CYAML
internal import Diagnostics
import Glibc

/// One step of a document, as libyaml reports it, copied out of its memory.
struct Event {
  enum Kind {
    case streamStart, streamEnd, documentStart, documentEnd
    case alias
    case scalar(text: String, isPlain: Bool)
    case sequenceStart, sequenceEnd
    case mappingStart, mappingEnd
  }
  var kind: Kind
  /// The anchor and the tag of a node; empty when it has none.
  var anchor = ""
  var tag = ""
  /// From 1.
  var line: Int
  var column: Int
}

/// Owns one libyaml parser and the bytes it reads; freed exactly once, when this value ends.
@safe struct EventStream: ~Copyable {
  // SAFETY: both allocated in `init` and freed in `deinit`, never copied out. The parser keeps pointers to itself and into
  // `bytes`, so both stay where they are for its whole life.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let bytes: UnsafeMutableBufferPointer<UInt8>
  private let file: String

  init(_ text: [UInt8], file: String) throws(Failure) {
    self.file = file
    unsafe bytes = .allocate(capacity: max(1, text.count))
    _ = unsafe bytes.initialize(from: text)
    unsafe parser = .allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      throw Failure(.yaml, "no memory to parse it", at: .path(file), remedy: "Give the process more memory")
    }
    // Set, or a byte order mark would choose UTF-16.
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, text.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe bytes.deallocate()
  }

  /// The next event; a `Failure` with line and column when the text is not YAML. Not to be called after either the failure
  /// or the stream's end.
  mutating func next() throws(Failure) -> Event {
    var raw = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &raw) == 1 else { throw problem() }
    defer { unsafe yaml_event_delete(&raw) }
    // SAFETY: the union member read below is the one that libyaml filled for this type; its texts are NUL-terminated, or as
    // long as `length`, and live until `yaml_event_delete`.
    var event = unsafe Event(
      kind: .streamEnd, line: Int(raw.start_mark.line) + 1, column: Int(raw.start_mark.column) + 1)
    switch unsafe raw.type {
    case YAML_STREAM_START_EVENT: event.kind = .streamStart
    case YAML_DOCUMENT_START_EVENT: event.kind = .documentStart
    case YAML_DOCUMENT_END_EVENT: event.kind = .documentEnd
    case YAML_ALIAS_EVENT:
      event.kind = .alias
      event.anchor = unsafe text(raw.data.alias.anchor)
    case YAML_SCALAR_EVENT:
      let scalar = unsafe raw.data.scalar
      let value = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      event.kind = unsafe .scalar(
        text: String(decoding: value, as: UTF8.self), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
      event.anchor = unsafe text(scalar.anchor)
      event.tag = unsafe text(scalar.tag)
    case YAML_SEQUENCE_START_EVENT:
      event.kind = .sequenceStart
      event.anchor = unsafe text(raw.data.sequence_start.anchor)
      event.tag = unsafe text(raw.data.sequence_start.tag)
    case YAML_SEQUENCE_END_EVENT: event.kind = .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      event.kind = .mappingStart
      event.anchor = unsafe text(raw.data.mapping_start.anchor)
      event.tag = unsafe text(raw.data.mapping_start.tag)
    case YAML_MAPPING_END_EVENT: event.kind = .mappingEnd
    default: event.kind = .streamEnd
    }
    return event
  }

  private func text(_ raw: UnsafeMutablePointer<yaml_char_t>?) -> String {
    guard let raw = unsafe raw else { return "" }
    return unsafe String(cString: raw)
  }

  private func problem() -> Failure {
    // SAFETY: `problem` and `context` are libyaml's own literals or nil.
    let state = unsafe parser.pointee
    if unsafe state.error == YAML_READER_ERROR {
      let (line, column) = position(ofByte: unsafe Int(state.problem_offset))
      return Failure(
        .yaml, "the text is not UTF-8, or has a control character, here",
        at: .text(file: file, line: line, column: column),
        remedy: "Save the file as UTF-8 and remove the character")
    }
    var what = "cannot be read as YAML"
    if let problem = unsafe state.problem { what += unsafe ": " + String(cString: problem) }
    if let context = unsafe state.context { what += unsafe " " + String(cString: context) }
    return unsafe Failure(
      .yaml, what,
      at: .text(file: file, line: Int(state.problem_mark.line) + 1, column: Int(state.problem_mark.column) + 1),
      remedy: remedy(for: what))
  }

  private func remedy(for what: String) -> String {
    if what.contains("alphabetic or numeric") || what.contains("alias") {
      return "Quote a value that begins with * or &"
    }
    if what.contains("cannot start any token") || what.contains("tab") {
      return "Indent with spaces instead of tabs, and quote a value that begins with @, %, ` or a tab"
    }
    if what.contains("mapping values are not allowed") { return "Quote a value that contains a colon and a space" }
    if what.contains("quoted scalar") { return "Close the quotes" }
    if what.contains("nesting") { return "Nest less deeply" }
    return "Look at the indentation of this line and the one before it"
  }

  /// Line and column, in characters, of a byte of the text.
  private func position(ofByte offset: Int) -> (line: Int, column: Int) {
    var (line, column) = (1, 1)
    for at in unsafe 0..<min(offset, bytes.count) {
      let byte = unsafe bytes[at]
      if byte == 0x0A {
        (line, column) = (line + 1, 1)
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }
}
