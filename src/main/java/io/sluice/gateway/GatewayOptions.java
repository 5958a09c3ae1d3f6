package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import java.time.Duration;
import java.util.Objects;

/**
 * How the HTTP and WebSocket front listens, and the bounds of everything that a peer can make it
 * hold. Every setter checks its own range. Not safe for threads; the gateway keeps a copy.
 */
public final class GatewayOptions {

  /** All interfaces. */
  public static final String DEFAULT_HOST = "0.0.0.0";

  /** The port people try first. 0 takes any free one. */
  public static final int DEFAULT_PORT = 8080;

  /** Forced to the disk: an answered send is not lost when the machine dies. */
  public static final AckLevel DEFAULT_ACK = AckLevel.DISK;

  /** One message, and any body that is read whole: RocketMQ's maxMessageSize. */
  public static final int DEFAULT_MAX_MESSAGE_BYTES = 4 << 20;

  /** One NDJSON line: a largest message in base64 (4/3) and its other fields. */
  public static final int DEFAULT_MAX_LINE_BYTES = 6 << 20;

  /**
   * All headers of a request: 32 KiB of properties are the most a record takes, so half of that.
   */
  public static final int DEFAULT_MAX_HEADER_BYTES = 16 << 10;

  /** The request line: a long filter in the query still fits. */
  public static final int DEFAULT_MAX_REQUEST_LINE_BYTES = 8 << 10;

  /** One WebSocket frame or message: as one NDJSON line, for the same reason. */
  public static final int DEFAULT_MAX_FRAME_BYTES = 6 << 20;

  /** Subscriptions of one socket; each keeps one request waiting, about 1 KB. */
  public static final int DEFAULT_MAX_SUBSCRIPTIONS = 256;

  /** Sockets of one gateway: at about 8 KB each, 400 MB. */
  public static final int DEFAULT_MAX_SOCKETS = 50_000;

  /**
   * Heap for each socket, where the heap is the bound: an idle one takes 5.5 KB, and a heap of 128
   * MiB was full at 17,800.
   */
  private static final int HEAP_BYTES_PER_SOCKET = 12 << 10;

  /** HTTP connections of one gateway: at about 8 KB each, 400 MB. */
  public static final int DEFAULT_MAX_CONNECTIONS = 50_000;

  /**
   * Heap for each HTTP connection, where the heap is the bound: one that has said nothing yet takes
   * 7.1 KB, an idle one 3.0 KB and less than 100 bytes of direct memory. So all of them and all
   * sockets fit at the same time.
   */
  private static final int HEAP_BYTES_PER_CONNECTION = 24 << 10;

  /** Long polls and event streams that wait at one gateway at once: about 2 KB each. */
  public static final int DEFAULT_MAX_WAITING = 20_000;

  /** Bytes of messages taken in and not answered yet, by event loop: four of the largest. */
  public static final int DEFAULT_MAX_IN_FLIGHT_BYTES = 16 << 20;

  /** Credit of a subscription that does not ask for one, in messages. */
  public static final int DEFAULT_CREDIT = 100;

  /** The same in bytes. */
  public static final int DEFAULT_CREDIT_BYTES = 1 << 20;

  /** A connection says its first whole request within this time. */
  public static final Duration DEFAULT_FIRST_REQUEST_TIMEOUT = Duration.ofSeconds(10);

  /** A connection without a request, or a request without a further byte, is closed after this. */
  public static final Duration DEFAULT_IDLE_TIMEOUT = Duration.ofSeconds(60);

  /** Both ends of a socket ping so often. */
  public static final Duration DEFAULT_PING_INTERVAL = Duration.ofSeconds(20);

  /** A socket that said nothing, not even a pong, for three pings is gone. */
  public static final Duration DEFAULT_SOCKET_TIMEOUT = Duration.ofSeconds(60);

  /** Comments keep an event stream alive. */
  public static final Duration DEFAULT_COMMENT_INTERVAL = Duration.ofSeconds(15);

  /** A client that takes nothing of what was written to it for this time is closed. */
  public static final Duration DEFAULT_STALL_TIMEOUT = Duration.ofSeconds(60);

  /** A Broker answers a request within this time, its own waiting not counted. */
  public static final Duration DEFAULT_BROKER_TIMEOUT = Duration.ofSeconds(30);

  /** At shutdown sockets are told, and have so long to go. */
  public static final Duration DEFAULT_DRAIN_TIMEOUT = Duration.ofSeconds(2);

  private String host = DEFAULT_HOST;
  private String advertisedHost = "";
  private int port = DEFAULT_PORT;
  private AckLevel defaultAck = DEFAULT_ACK;
  private int maxMessageBytes = DEFAULT_MAX_MESSAGE_BYTES;
  private int maxLineBytes = DEFAULT_MAX_LINE_BYTES;
  private int maxHeaderBytes = DEFAULT_MAX_HEADER_BYTES;
  private int maxRequestLineBytes = DEFAULT_MAX_REQUEST_LINE_BYTES;
  private int maxFrameBytes = DEFAULT_MAX_FRAME_BYTES;
  private int maxSubscriptions = DEFAULT_MAX_SUBSCRIPTIONS;
  private int maxSockets = socketsFor(Runtime.getRuntime().maxMemory());
  private int maxConnections = connectionsFor(Runtime.getRuntime().maxMemory());
  private int maxWaiting = DEFAULT_MAX_WAITING;
  private int maxInFlightBytes = DEFAULT_MAX_IN_FLIGHT_BYTES;
  private Duration firstRequestTimeout = DEFAULT_FIRST_REQUEST_TIMEOUT;
  private Duration idleTimeout = DEFAULT_IDLE_TIMEOUT;
  private Duration pingInterval = DEFAULT_PING_INTERVAL;
  private Duration socketTimeout = DEFAULT_SOCKET_TIMEOUT;
  private Duration commentInterval = DEFAULT_COMMENT_INTERVAL;
  private Duration stallTimeout = DEFAULT_STALL_TIMEOUT;
  private Duration brokerTimeout = DEFAULT_BROKER_TIMEOUT;
  private Duration drainTimeout = DEFAULT_DRAIN_TIMEOUT;
  private TokenOptions tokens;

  /** The defaults. */
  public GatewayOptions() {}

  /** A copy. */
  public GatewayOptions(GatewayOptions other) {
    host = other.host;
    advertisedHost = other.advertisedHost;
    port = other.port;
    defaultAck = other.defaultAck;
    maxMessageBytes = other.maxMessageBytes;
    maxLineBytes = other.maxLineBytes;
    maxHeaderBytes = other.maxHeaderBytes;
    maxRequestLineBytes = other.maxRequestLineBytes;
    maxFrameBytes = other.maxFrameBytes;
    maxSubscriptions = other.maxSubscriptions;
    maxSockets = other.maxSockets;
    maxConnections = other.maxConnections;
    maxWaiting = other.maxWaiting;
    maxInFlightBytes = other.maxInFlightBytes;
    firstRequestTimeout = other.firstRequestTimeout;
    idleTimeout = other.idleTimeout;
    tokens = other.tokens;
    pingInterval = other.pingInterval;
    socketTimeout = other.socketTimeout;
    commentInterval = other.commentInterval;
    stallTimeout = other.stallTimeout;
    brokerTimeout = other.brokerTimeout;
    drainTimeout = other.drainTimeout;
  }

  /** Name or address at which others reach this gateway; the host if none was set. */
  public String advertisedHost() {
    return advertisedHost.isEmpty() ? host : advertisedHost;
  }

  /** Sets what {@code /v1/cluster} says of where this gateway is; empty for the host. */
  public GatewayOptions advertisedHost(String value) {
    advertisedHost = Objects.requireNonNull(value, "advertisedHost");
    return this;
  }

  /** The address to listen on. */
  public String host() {
    return host;
  }

  /** Sets the address to listen on: a name or an address of this machine. */
  public GatewayOptions host(String value) {
    if (Objects.requireNonNull(value, "host").isBlank()) {
      throw new IllegalArgumentException("host: found '', allowed is a name or an address");
    }
    host = value;
    return this;
  }

  /** The port to listen on, 0 for any free one. */
  public int port() {
    return port;
  }

  /** Sets the port, 0 to 65535; 0 takes any free one. */
  public GatewayOptions port(int value) {
    port = range("port", value, 0, 65_535);
    return this;
  }

  /** The ack level of a send that names none. */
  public AckLevel defaultAck() {
    return defaultAck;
  }

  /** Sets the ack level of a send that names none. */
  public GatewayOptions defaultAck(AckLevel value) {
    defaultAck = Objects.requireNonNull(value, "defaultAck");
    return this;
  }

  /** Most bytes of a message, and of any body that is read whole. */
  public int maxMessageBytes() {
    return maxMessageBytes;
  }

  /** Sets the most bytes of a message, 1 KiB to 64 MiB: a record has to fit a segment. */
  public GatewayOptions maxMessageBytes(int value) {
    maxMessageBytes = range("maxMessageBytes", value, 1 << 10, 64 << 20);
    return this;
  }

  /** Most bytes of an NDJSON line. */
  public int maxLineBytes() {
    return maxLineBytes;
  }

  /** Sets the most bytes of an NDJSON line, 1 KiB to 96 MiB. */
  public GatewayOptions maxLineBytes(int value) {
    maxLineBytes = range("maxLineBytes", value, 1 << 10, 96 << 20);
    return this;
  }

  /** Most bytes of a request's headers. */
  public int maxHeaderBytes() {
    return maxHeaderBytes;
  }

  /** Sets the most bytes of a request's headers, 1 KiB to 1 MiB. */
  public GatewayOptions maxHeaderBytes(int value) {
    maxHeaderBytes = range("maxHeaderBytes", value, 1 << 10, 1 << 20);
    return this;
  }

  /** Most bytes of a request line. */
  public int maxRequestLineBytes() {
    return maxRequestLineBytes;
  }

  /** Sets the most bytes of a request line, 256 to 1 MiB. */
  public GatewayOptions maxRequestLineBytes(int value) {
    maxRequestLineBytes = range("maxRequestLineBytes", value, 256, 1 << 20);
    return this;
  }

  /** Most bytes of a WebSocket frame, and of a message of several frames. */
  public int maxFrameBytes() {
    return maxFrameBytes;
  }

  /** Sets the most bytes of a WebSocket frame, 1 KiB to 96 MiB. */
  public GatewayOptions maxFrameBytes(int value) {
    maxFrameBytes = range("maxFrameBytes", value, 1 << 10, 96 << 20);
    return this;
  }

  /** Most subscriptions of one socket. */
  public int maxSubscriptions() {
    return maxSubscriptions;
  }

  /** Sets the most subscriptions of one socket, 1 to 65536. */
  public GatewayOptions maxSubscriptions(int value) {
    maxSubscriptions = range("maxSubscriptions", value, 1, 65_536);
    return this;
  }

  /** Most sockets of the gateway. */
  public int maxSockets() {
    return maxSockets;
  }

  /**
   * Sets the most sockets of the gateway, 1 to 1,000,000; 0 for as many as the heap has room for.
   */
  public GatewayOptions maxSockets(int value) {
    int most = range("maxSockets", value, 0, 1_000_000);
    maxSockets = most == 0 ? socketsFor(Runtime.getRuntime().maxMemory()) : most;
    return this;
  }

  /**
   * How many sockets a heap of so many bytes has room for, {@link #DEFAULT_MAX_SOCKETS} at most.
   */
  static int socketsFor(long heapBytes) {
    return (int) Math.max(1, Math.min(DEFAULT_MAX_SOCKETS, heapBytes / HEAP_BYTES_PER_SOCKET));
  }

  /** Most HTTP connections of the gateway. */
  public int maxConnections() {
    return maxConnections;
  }

  /**
   * Sets the most HTTP connections of the gateway, 1 to 1,000,000; 0 for as many as the heap has
   * room for.
   */
  public GatewayOptions maxConnections(int value) {
    int most = range("maxConnections", value, 0, 1_000_000);
    maxConnections = most == 0 ? connectionsFor(Runtime.getRuntime().maxMemory()) : most;
    return this;
  }

  /**
   * How many HTTP connections a heap of so many bytes has room for, {@link
   * #DEFAULT_MAX_CONNECTIONS} at most.
   */
  static int connectionsFor(long heapBytes) {
    return (int)
        Math.max(1, Math.min(DEFAULT_MAX_CONNECTIONS, heapBytes / HEAP_BYTES_PER_CONNECTION));
  }

  /** Most long polls and event streams of the gateway. */
  public int maxWaiting() {
    return maxWaiting;
  }

  /** Sets the most long polls and event streams of the gateway, 1 to 1,000,000. */
  public GatewayOptions maxWaiting(int value) {
    maxWaiting = range("maxWaiting", value, 1, 1_000_000);
    return this;
  }

  /** Most bytes of messages taken in and not answered yet, by event loop. */
  public int maxInFlightBytes() {
    return maxInFlightBytes;
  }

  /** Sets the most bytes taken in and not answered yet, by event loop, 64 KiB to 1 GiB. */
  public GatewayOptions maxInFlightBytes(int value) {
    maxInFlightBytes = range("maxInFlightBytes", value, 64 << 10, 1 << 30);
    return this;
  }

  /** Time for the first request of a connection. */
  public Duration firstRequestTimeout() {
    return firstRequestTimeout;
  }

  /** Sets the time for the first request of a connection, 100 ms to 1 h. */
  public GatewayOptions firstRequestTimeout(Duration value) {
    firstRequestTimeout = range("firstRequestTimeout", value);
    return this;
  }

  /** Time between two requests of a connection, and between two bytes of a request. */
  public Duration idleTimeout() {
    return idleTimeout;
  }

  /** Sets the time between two requests and between two bytes of one, 100 ms to 1 h. */
  public GatewayOptions idleTimeout(Duration value) {
    idleTimeout = range("idleTimeout", value);
    return this;
  }

  /** Time between two pings to a socket. */
  public Duration pingInterval() {
    return pingInterval;
  }

  /** Sets the time between two pings to a socket, 100 ms to 1 h. */
  public GatewayOptions pingInterval(Duration value) {
    pingInterval = range("pingInterval", value);
    return this;
  }

  /** Time after which a silent socket is closed. */
  public Duration socketTimeout() {
    return socketTimeout;
  }

  /** Sets the time after which a silent socket is closed, 100 ms to 1 h. */
  public GatewayOptions socketTimeout(Duration value) {
    socketTimeout = range("socketTimeout", value);
    return this;
  }

  /** Time between two comments on an event stream. */
  public Duration commentInterval() {
    return commentInterval;
  }

  /** Sets the time between two comments on an event stream, 100 ms to 1 h. */
  public GatewayOptions commentInterval(Duration value) {
    commentInterval = range("commentInterval", value);
    return this;
  }

  /** Time after which a client that takes nothing is closed. */
  public Duration stallTimeout() {
    return stallTimeout;
  }

  /** Sets the time after which a client that takes nothing is closed, 100 ms to 1 h. */
  public GatewayOptions stallTimeout(Duration value) {
    stallTimeout = range("stallTimeout", value);
    return this;
  }

  /** Time for an answer of a Broker. */
  public Duration brokerTimeout() {
    return brokerTimeout;
  }

  /** Sets the time for an answer of a Broker, 100 ms to 1 h. */
  public GatewayOptions brokerTimeout(Duration value) {
    brokerTimeout = range("brokerTimeout", value);
    return this;
  }

  /** Time that sockets have to go at shutdown. */
  public Duration drainTimeout() {
    return drainTimeout;
  }

  /** Sets the time that sockets have to go at shutdown, 100 ms to 1 h. */
  public GatewayOptions drainTimeout(Duration value) {
    drainTimeout = range("drainTimeout", value);
    return this;
  }

  /**
   * Tests how the values fit each other.
   *
   * @throws IllegalArgumentException naming the keys, their values and the harm avoided
   */
  void conclude() {
    if (maxInFlightBytes < maxMessageBytes) {
      throw new IllegalArgumentException(
          "maxInFlightBytes is "
              + maxInFlightBytes
              + " and maxMessageBytes "
              + maxMessageBytes
              + "; a largest message could never be taken in");
    }
    if (socketTimeout.compareTo(pingInterval) <= 0) {
      throw new IllegalArgumentException(
          "socketTimeout is "
              + socketTimeout
              + " and pingInterval "
              + pingInterval
              + "; a quiet socket would be closed before it was asked whether it lives");
    }
  }

  private static int range(String key, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          key + ": found " + value + ", allowed are " + min + " to " + max);
    }
    return value;
  }

  private static Duration range(String key, Duration value) {
    long ms = Objects.requireNonNull(value, key).toMillis();
    if (ms < 100 || ms > 3_600_000) {
      throw new IllegalArgumentException(key + ": found " + value + ", allowed are 100 ms to 1 h");
    }
    return value;
  }

  /** Whose tokens are accepted, or null if everyone may do everything. */
  public TokenOptions tokens() {
    return tokens;
  }

  /** Sets whose tokens are accepted; null, the default, lets everyone do everything. */
  public GatewayOptions tokens(TokenOptions tokens) {
    this.tokens = tokens;
    return this;
  }
}
