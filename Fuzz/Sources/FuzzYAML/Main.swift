// SwiftPM links an executable with `main` taken from `<Module>_main`: hand that name to libFuzzer's driver.
@_extern(c, "LLVMFuzzerRunDriver")
func fuzzerRunDriver(
  _ argc: UnsafeMutablePointer<CInt>, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

@_cdecl("FuzzYAML_main")
public func fuzzMain(_ argc: CInt, _ argv: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
  var argc = argc
  var argv = unsafe argv
  return unsafe fuzzerRunDriver(&argc, &argv, fuzzOne)
}
