import NSOEngine
import NSOModel
import NSONetconf
import NSOSSH
import NSOSchema
import NSOServer
import NSOStore
import NSOWire
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension Daemon {
  /// Variables that the daemon and its tools look at, none of which is secret. Others may be, since ncs.conf can refer to any variable
  /// for a key.
  private static let shownVariables = [
    "NCS_DIR", "NCS_IPC_ACCESS_FILE", "NCS_IPC_ADDR", "NCS_IPC_PATH", "NCS_IPC_PORT", "NSO_SYSLOG_SOCKET", "NSO_YANG_DIR",
  ]

  /// The text of `ncs --debug-dump` (protocol part 08, section 2.3): the status, the settings as they were written, and the process
  /// as the system sees it. Secrets are in files of their own, and what the settings say in place of one is left out.
  public func dumpText() async -> String {
    var text = StatusText()
    text.title("settings")
    for (path, value) in state.withLock(\.configuration).tree.writtenTexts { text.item("\(path): \(value)") }
    text.title("environment")
    for name in Self.shownVariables {
      if let value = options.source.environment[name] { text.item("\(name)=\(value)") }
    }
    text.title("memory")
    for line in ProcessFacts.lines(of: "status") where line.hasPrefix("Vm") || line.hasPrefix("Threads") { text.item(line) }
    text.title("limits")
    for line in ProcessFacts.lines(of: "limits") where line.hasPrefix("Max open") || line.hasPrefix("Max core") {
      text.item(line)
    }
    text.title("descriptors")
    for (number, target) in ProcessFacts.descriptors { text.item("\(number): \(target)") }
    return await statusText() + text.finished
  }

  /// The text of `ncs --status` (protocol part 08, section 2.5). For people: its layout may change.
  public func statusText() async -> String {
    let now = ContinuousClock().now
    let (files, pending, warnings) = state.withLock { ($0.configuration.files, $0.pending, $0.warnings) }
    var text = StatusText()
    text.line("status", "\(engine.phases.phase)")
    text.line("version", "\(Product.name) \(Product.version)")
    text.line("instance", name)
    text.line(
      "process",
      "\(getpid()), up \((now - startTime).components.seconds) s, \(options.threads ?? 0 > 0 ? "\(options.threads ?? 0) threads" : "a thread for each processor")"
    )
    text.line("configuration", files.isEmpty ? "none (defaults)" : files.joined(separator: ", "))
    for warning in warnings { text.line("warning", warning) }
    if !pending.isEmpty { text.line("needs a restart", pending.joined(separator: ", ")) }
    text.line("ha mode", engine.ha.text)
    if let upgrade = engine.upgrade {
      text.line("upgrade", "by \(upgrade.owner), since \(engine.configuration.clock().seconds - upgrade.since) s")
    }

    let server = await self.server?.status()
    text.title("IPC listeners")
    for listener in server?.listeners ?? [] {
      text.item(
        "\(listener.address), \(listener.protection)" + (listener.isUnprotected ? ", OPEN TO THE NETWORK" : ""))
    }

    text.title("NETCONF listeners")
    for address in netconfTCP.addresses {
      text.item("\(address), TCP, no authentication" + (address.ip.isLoopback ? "" : ", OPEN TO THE NETWORK"))
    }
    let ssh = ssh.status
    text.title("SSH listeners")
    for line in ssh.listeners { text.item(line) }
    text.title("SSH connections")
    for line in ssh.connections { text.item(line) }

    text.title("modules")
    for module in engine.model.schema.modules where module.isImplemented {
      text.item(module.name + (module.revision.map { "@\($0)" } ?? "") + "  " + module.namespace)
    }

    text.title("templates")
    for template in engine.templates.entries {
      text.item(template.fault.map { "\(template.name)  FAULTY, \($0)" } ?? "\(template.name)  \(template.path)")
    }

    text.title("databases")
    for store in [engine.stores.durable, engine.stores.volatile] {
      guard let statistics = try? store.statistics() else { continue }
      text.item(
        "\(statistics.path): revision \(statistics.revision), \(statistics.size / 1024) KiB of at most \(statistics.maximumSize >> 20) MiB"
      )
    }

    text.title("datastores")
    for fact in datastoreFacts { text.item(fact) }
    if let note = upgradeNote { text.item(note) }

    text.title("user sessions")
    for session in engine.sessions.all { text.item(session.summary) }

    text.title("transactions")
    for transaction in engine.transactions {
      let asked = transaction.askedHook.map { ", asks \($0)" } ?? ""
      text.item(
        "\(transaction.handle) on \(transaction.database), \(transaction.mode == .read ? "read" : "read-write"), \(transaction.session.summary)\(asked)"
      )
    }

    text.title("locks")
    let seconds = engine.configuration.clock().seconds
    for (database, holder) in engine.locks.all {
      text.item("\(database): \(holder.session.summary), since \(seconds - holder.since) s")
    }
    for lock in engine.locks.partial {
      text.item(
        "\(lock.database), part \(lock.id) (\(lock.selection.joined(separator: ", "))): \(lock.session.summary), since \(seconds - lock.since) s"
      )
    }
    let commit = engine.commitHolders
    if let (holder, since) = commit.writer { text.item("commit: \(holder), since \(seconds - since) s") }
    for (holder, since) in commit.readers { text.item("CDB read lock: \(holder), since \(seconds - since) s") }

    text.title("subscribers")
    for line in subscriberLines(seconds) { text.item(line) }
    for name in engine.subscriptions.missingMandatory {
      text.item("MISSING: mandatory subscriber \(name); nothing can be committed before it is back")
    }

    text.title("data providers")
    for instance in engine.providers.instances {
      let counts = instance.counts
      text.item(
        "\(instance.id) \(instance.name), \(instance.peer), since \(seconds - instance.since) s, \(counts.workers) workers, \(counts.requests) requests"
          + (counts.outstanding > 0 ? ", \(counts.outstanding) not answered" : "")
          + (instance.isActive ? "" : ", still registering"))
    }
    for provider in engine.unconfirmedProviders { text.item("IN DOUBT: data provider \(provider.name) \(provider.text)") }
    for (title, kind) in ProviderPoints.titles {
      text.title(title)
      for line in engine.providerPoints.lines(of: kind) { text.item(line) }
    }

    text.title("db callbacks")
    for instance in engine.providers.instances where instance.isActive && !instance.databaseCallbacks.isEmpty {
      text.item("instance \(instance.id) \(instance.name): \(instance.databaseCallbacks.text)")
    }

    text.title("notification streams")
    for line in engine.streams.lines { text.item(line) }

    text.title("event subscribers")
    for subscriber in engine.events.subscribers {
      let awaited = engine.events.awaited(from: subscriber).map { "; WAITED FOR: \($0)" }.joined()
      text.item("\(subscriber.name): \(subscriber.subscription.mask), \(subscriber.waiting) events wait\(awaited)")
    }

    text.title("clients")
    for connection in server?.connections ?? [] {
      var line = "\(connection.id) \(connection.stage)"
      if let name = connection.clientName { line += " \(name)" }
      line += ", \(connection.peer), \(connection.requests) requests"
      if connection.isBusy { line += ", waiting" }
      text.item(line)
    }
    if let server { text.line("accepted", "\(server.accepted), refused \(server.refused)") }
    return text.finished
  }
}

/// `name: value` lines and titles with indented items.
private struct StatusText {
  private(set) var text = ""
  private var title: String?

  /// Named facts.
  mutating func line(_ name: String, _ value: String) {
    endTitle()
    text += "\(name): \(value)\n"
  }

  mutating func title(_ name: String) {
    endTitle()
    title = name
  }

  mutating func item(_ value: String) {
    if let title {
      text += "\(title):\n"
      self.title = nil
    }
    text += "  \(value)\n"
  }

  /// All of it.
  var finished: String {
    mutating get {
      endTitle()
      return text
    }
  }

  /// A title without items is shown with the word none.
  private mutating func endTitle() {
    if let title { text += "\(title): none\n" }
    title = nil
  }
}
