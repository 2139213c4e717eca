/// What the daemon and the tools call themselves.
public enum Product {
  public static let name = "swift-nso"
  public static let version = "0.1.0"
}
