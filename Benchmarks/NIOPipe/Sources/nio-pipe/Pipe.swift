import NIOCore

/// One direction of a connection: writes what it reads to the other channel, and stops reading while that is full.
final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let peer: any Channel
    private let scans: Bool
    private var lines = 0

    init(to peer: any Channel, scanning scans: Bool) {
        self.peer = peer
        self.scans = scans
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if scans { scan(bytes) }
        peer.write(bytes, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        peer.flush()
        guard !peer.isWritable else { return }
        // The other side is full: read again once what it holds is written.
        let channel = context.channel
        channel.setOption(.autoRead, value: false).whenComplete { _ in }
        peer.writeAndFlush(ByteBuffer()).whenComplete { _ in
            channel.setOption(.autoRead, value: true).whenComplete { _ in }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        peer.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func scan(_ bytes: ByteBuffer) {
        var rest = bytes.readableBytesView
        while let end = rest.firstIndex(of: 10) {
            lines &+= 1
            rest = rest[(end + 1)...]
        }
    }
}
