import Diagnostics
import FuzzSupport
import YAML

/// Checks what every reader of the tree relies on: places count from 1, limits hold, keys are unique.
func check(_ node: YAMLNode, depth: Int, _ nodes: inout Int, _ limits: YAMLDocument.Limits) {
  nodes += 1
  precondition(node.line >= 1 && node.column >= 1, "a place before the text")
  precondition(depth <= limits.depth && nodes <= limits.nodes, "beyond the limits")
  switch node.value {
  case .scalar: break
  case .sequence(let elements):
    for element in elements { check(element, depth: depth + 1, &nodes, limits) }
  case .mapping(let entries):
    precondition(Set(entries.map(\.key)).count == entries.count, "a key is there twice")
    for entry in entries {
      nodes += 1
      check(entry.value, depth: depth + 1, &nodes, limits)
    }
  }
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>, _ size: Int) -> CInt {
  let bytes = unsafe bytesOfInput(data, size)
  var limits = YAMLDocument.Limits()
  limits.nodes = 1_000
  limits.depth = 8
  do throws(Failures) {
    let root = try YAMLDocument.parse(bytes, file: "fuzz", limits: limits)
    var nodes = 0
    check(root, depth: 0, &nodes, limits)
  } catch {
    precondition(!error.all.isEmpty, "refused without a reason")
  }
  return 0
}
