import Bytes
import Configuration
import Diagnostics
import Reactor

/// The listening sockets of a plan: one for each endpoint and worker, with SO_REUSEPORT between them.
struct OpenPorts: Sendable {
    /// For each listener, for each worker, the descriptors.
    private(set) var sockets: [String: [[Int32]]] = [:]
    /// Listeners whose sockets the service manager made: the first worker accepts for all.
    private(set) var inherited: Set<String> = []
    /// What is listened on, with the ports that the kernel chose.
    private(set) var endpoints: [(listener: String, endpoint: Endpoint)] = []

    /// Opens all endpoints of `listeners`; every one that cannot be opened is a finding at its place in the file.
    static func open(
        _ listeners: [ListenerPlan], workers: Int, inherited: [ServiceManager.Inherited], held: Set<Endpoint> = [],
        findings: inout [Finding]
    ) -> OpenPorts {
        var ports = OpenPorts()
        for listener in listeners {
            switch listener.binding {
            case .endpoints(let planned):
                for place in planned {
                    ports.bind(listener, place, workers, isHeld: held.contains(place.endpoint), &findings)
                }
            case .socket(let socket):
                ports.adopt(listener, socket, workers, inherited, &findings)
            // Sockets come later, from the firewall's helper.
            case .intercepted: break
            }
        }
        return ports
    }

    private mutating func bind(
        _ listener: ListenerPlan, _ place: PlannedEndpoint, _ workers: Int, isHeld: Bool, _ findings: inout [Finding]
    ) {
        // `port:` names both families, and a machine may have only one.
        if place.endpoint.address.isUnspecified, Listener.probe(place.endpoint) == .noSuchFamily { return }
        // A port that a removed listener of ours still holds would look taken.
        if place.endpoint.port != 0, !isHeld, let error = Listener.probe(place.endpoint) {
            return findings.append(Self.finding(place.endpoint, error, at: place.range))
        }
        var endpoint = place.endpoint
        for worker in 0..<workers {
            do throws(Errno) {
                var options = ListenerOptions()
                options.reusePort = true
                let socket = try Listener(on: endpoint, options)
                endpoint = socket.localEndpoint ?? endpoint
                add(socket.takeDescriptor(), listener.name, worker, workers)
            } catch {
                return findings.append(Self.finding(place.endpoint, error, at: place.range))
            }
        }
        endpoints.append((listener.name, endpoint))
    }

    /// A socket of the service manager's goes to the first worker, which deals its connections out.
    private mutating func adopt(
        _ listener: ListenerPlan, _ socket: PlannedSocket, _ workers: Int, _ inherited: [ServiceManager.Inherited],
        _ findings: inout [Finding]
    ) {
        let ours = inherited.filter { $0.name == socket.name }
        if ours.isEmpty {
            let message = "no socket '\(socket.name)' was passed by the service manager"
            findings.append(Finding(.error, ConfigurationCode.endpointUnavailable.rawValue, at: socket.range, message))
        }
        for one in ours {
            do throws(Errno) {
                let adopted = try Listener(adopting: FileDescriptor(owning: one.fd))
                if let endpoint = adopted.localEndpoint { endpoints.append((listener.name, endpoint)) }
                add(adopted.takeDescriptor(), listener.name, 0, workers)
                self.inherited.insert(listener.name)
            } catch {
                let message = "the socket '\(socket.name)' is not a listening one"
                findings.append(
                    Finding(.error, ConfigurationCode.endpointUnavailable.rawValue, at: socket.range, message))
            }
        }
    }

    private mutating func add(_ descriptor: consuming FileDescriptor, _ listener: String, _ worker: Int, _ workers: Int)
    {
        var rows = sockets[listener] ?? [[Int32]](repeating: [], count: workers)
        rows[worker].append(descriptor.take())
        sockets[listener] = rows
    }

    /// Closes what was opened: something else stands in the way.
    func closeAll() {
        for socket in sockets.values.joined().joined() { _ = FileDescriptor(owning: socket) }
    }

    private static func finding(_ endpoint: Endpoint, _ error: Errno, at range: SourceRange) -> Finding {
        let hint =
            switch error {
            case .addressInUse: "another program listens there: `ss -ltnp` shows which"
            case _ where endpoint.port < 1024: "ports below 1024 need root or CAP_NET_BIND_SERVICE"
            case _: "is it an address of this machine?"
            }
        return Finding(
            .error, ConfigurationCode.endpointUnavailable.rawValue, at: range,
            "cannot listen on \(endpoint): \(error.description)", hint: hint)
    }
}
