/// Ends the process as a finding when something does not hold. Unlike `precondition` it says what, in optimised builds too.
public func demand(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
  if !holds { fatalError(otherwise()) }
}

/// How many lines a text has for YAML, which knows more breaks than the line feed.
public func linesOf(_ text: [UInt8]) -> Int {
  var lines = 1
  for at in text.indices {
    let isUnicodeBreak =
      text[at...].starts(with: [0xc2, 0x85]) || text[at...].starts(with: [0xe2, 0x80, 0xa8])
      || text[at...].starts(with: [0xe2, 0x80, 0xa9])
    if text[at] == 0x0a || text[at] == 0x0d || isUnicodeBreak { lines += 1 }
  }
  return lines
}
