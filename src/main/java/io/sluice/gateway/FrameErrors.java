package io.sluice.gateway;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.http.websocketx.CorruptedWebSocketFrameException;
import io.netty.handler.codec.http.websocketx.WebSocketCloseStatus;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/**
 * Says why a socket is closed whose bytes are no frames, or too large ones. Vert.x would close the
 * connection at once, while the client still writes, and the client would see it reset. Netty's
 * decoder drops all that comes after the error, so the connection may stay open for the close frame
 * to arrive. On the channel's event loop.
 */
final class FrameErrors extends ChannelInboundHandlerAdapter {

  /** So long the client has to read the close frame. */
  private static final long LINGER_MS = 1_000;

  private final int maxFrameBytes;
  private boolean said;

  FrameErrors(int maxFrameBytes) {
    this.maxFrameBytes = maxFrameBytes;
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (!(cause instanceof CorruptedWebSocketFrameException corrupted)) {
      context.fireExceptionCaught(cause);
      return;
    }
    if (said) {
      return;
    }
    said = true;
    boolean tooBig = corrupted.closeStatus().equals(WebSocketCloseStatus.MESSAGE_TOO_BIG);
    String reason =
        tooBig
            ? "a frame is over the " + maxFrameBytes + " bytes that are allowed"
            : "bad frame: " + cause.getMessage();
    context
        .writeAndFlush(closeFrame(context, tooBig ? SocketClose.TOO_BIG : SocketClose.BAD, reason))
        .addListener(
            written ->
                context
                    .executor()
                    .schedule(() -> context.close(), LINGER_MS, TimeUnit.MILLISECONDS));
  }

  private static ByteBuf closeFrame(ChannelHandlerContext context, int code, String reason) {
    byte[] text = SocketClose.shorten(reason).getBytes(StandardCharsets.US_ASCII);
    return context
        .alloc()
        .buffer(4 + text.length)
        .writeByte(0x88)
        .writeByte(2 + text.length)
        .writeShort(code)
        .writeBytes(text);
  }
}
