/// What libFuzzer calls with every input.
public typealias FuzzFunction = @convention(c) (UnsafePointer<UInt8>, Int) -> CInt

@_extern(c, "LLVMFuzzerRunDriver")
func fuzzerRunDriver(
  _ argc: UnsafeMutablePointer<CInt>, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: FuzzFunction
) -> CInt

/// Hands over to libFuzzer. SwiftPM links an executable with `main` taken from `<Module>_main`, so each target has a function
/// of that name, and it calls this.
public func runFuzzer(
  _ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ callback: FuzzFunction
) -> CInt {
  var argc = argc
  var argv = unsafe argv
  return unsafe fuzzerRunDriver(&argc, &argv, callback)
}

/// The bytes of one input, copied.
public func bytesOfInput(_ data: UnsafePointer<UInt8>, _ size: Int) -> [UInt8] {
  unsafe Array(UnsafeBufferPointer(start: data, count: size))
}
