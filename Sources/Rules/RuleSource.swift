public import Diagnostics

/// A file of rules as it was read, with the name that failures carry.
public struct RuleFile: Sendable {
  public let name: String
  public let bytes: [UInt8]

  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// What rules files may be at most, together.
public struct RuleLimits: Sendable {
  public var bytes = 8 << 20
  public var rules = 5_000
  public var macros = 5_000
  public var lists = 5_000
  /// Items of all lists, after those that lists hold of each other.
  public var listItems = 100_000
  /// Of one condition, once its lists stand in it.
  public var conditionBytes = 256 << 10
  /// How deep brackets of one condition may nest.
  public var depth = 150
  /// Checks that are not the same as another one, and nodes that join them.
  public var nodes = 100_000
  public init() {}
}

/// Something in a rules file that loads and is probably not meant.
public struct RuleWarning: Sendable, Equatable {
  /// What kind of thing; the raw value is stable.
  public enum Kind: String, Sendable, CaseIterable {
    case unknownItem = "unknown_item"
    case unknownKey = "unknown_key"
    case unknownSource = "unknown_source"
    case unknownPlugin = "unknown_plugin"
    case deprecated = "deprecated"
    case unused = "unused"
    case unsafeNotAvailable = "unsafe_na_check"
    case invalidName = "invalid_name"
    case duplicateException = "duplicate_exception"
    case unknownField = "unknown_field"
  }
  public let kind: Kind
  public let what: String
  public let place: Failure.Place
}

extension Failure.Reason {
  /// A rules file that cannot be loaded.
  public static let rules = Failure.Reason("rules")
}

/// Text of a rules file together with where each byte of it stands, so that what is put together of several pieces still
/// tells the right line.
struct PlacedText: Sendable {
  /// A piece and a byte of it, packed: equal texts of different places stay apart.
  struct Origin: Sendable, Equatable {
    let piece: Int32
    let offset: Int32
  }

  private(set) var bytes: [UInt8] = []
  private(set) var origins: [Origin] = []

  init() {}

  /// All of a piece's text.
  init(_ text: String, piece: Int32) {
    bytes = Array(text.utf8)
    origins = bytes.indices.map { Origin(piece: piece, offset: Int32(truncatingIfNeeded: $0)) }
  }

  /// Appends text that stands nowhere itself, as of `origin`.
  mutating func append(_ text: some Sequence<UInt8>, of origin: Origin) {
    for byte in text {
      bytes.append(byte)
      origins.append(origin)
    }
  }
  mutating func append(_ text: String, of origin: Origin) { append(text.utf8, of: origin) }

  mutating func append(_ other: PlacedText, _ range: Range<Int>) {
    bytes.append(contentsOf: other.bytes[range])
    origins.append(contentsOf: other.origins[range])
  }
  mutating func append(_ other: PlacedText) { append(other, 0..<other.bytes.count) }

  /// Where the byte at `offset` stands; behind the end, where the last one does.
  func origin(at offset: Int) -> Origin {
    guard let last = origins.last else { return Origin(piece: 0, offset: 0) }
    guard offset >= origins.count else { return origins[max(0, offset)] }
    return Origin(piece: last.piece, offset: last.offset + 1)
  }
}

/// The pieces of rules files that placed texts are made of, and how to find their lines.
struct SourceMap: Sendable {
  struct Piece: Sendable {
    let file: Int
    /// Where the YAML value begins, from 1.
    let line: Int
    let column: Int
    let text: [UInt8]
  }

  let files: [RuleFile]
  private(set) var pieces: [Piece] = []

  init(_ files: [RuleFile]) { self.files = files }

  mutating func add(_ text: String, file: Int, line: Int, column: Int) -> PlacedText {
    pieces.append(Piece(file: file, line: line, column: column, text: Array(text.utf8)))
    return PlacedText(text, piece: Int32(truncatingIfNeeded: pieces.count - 1))
  }

  /// Line and column of a byte of a piece. YAML folds and strips white space alone, so the piece's other bytes are found in
  /// the file one after another.
  func place(_ origin: PlacedText.Origin) -> Failure.Place {
    guard pieces.indices.contains(Int(origin.piece)) else { return .process }
    let piece = pieces[Int(origin.piece)]
    var cursor = FileCursor(files[piece.file].bytes, line: piece.line, column: piece.column)
    cursor.enterScalar()
    for byte in piece.text.prefix(Int(origin.offset)) where !FileCursor.isBlank(byte) { cursor.pass(byte) }
    if origin.offset < piece.text.count { cursor.passBlanks() }
    return .text(file: files[piece.file].name, line: cursor.line, column: cursor.column)
  }
}

/// A place in a file that moves on and keeps line and column, in characters.
private struct FileCursor {
  private let bytes: [UInt8]
  private var at = 0
  private(set) var line = 1
  private(set) var column = 1

  init(_ bytes: [UInt8], line: Int, column: Int) {
    self.bytes = bytes
    while at < bytes.count, self.line < line || self.line == line && self.column < column { step() }
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 9 }

  private mutating func step() {
    if bytes[at] == 0x0a {
      (line, column) = (line + 1, 1)
    } else if bytes[at] & 0xc0 != 0x80 {
      column += 1
    }
    at += 1
  }

  /// Moves from a scalar's indicator (`>-`, `|2`, a quote) to its text.
  mutating func enterScalar() {
    guard at < bytes.count else { return }
    if bytes[at] == UInt8(ascii: ">") || bytes[at] == UInt8(ascii: "|") {
      while at < bytes.count, bytes[at] != 0x0a { step() }
    } else if bytes[at] == UInt8(ascii: "\"") || bytes[at] == UInt8(ascii: "'") {
      step()
    }
    passBlanks()
  }

  mutating func passBlanks() {
    while at < bytes.count, Self.isBlank(bytes[at]) { step() }
  }

  /// Moves behind the next `byte`; what an escape put before it is passed over.
  mutating func pass(_ byte: UInt8) {
    var ahead = at
    while ahead < bytes.count, bytes[ahead] != byte, ahead - at < 400 { ahead += 1 }
    guard ahead < bytes.count, bytes[ahead] == byte else { return }
    while at <= ahead { step() }
  }
}
