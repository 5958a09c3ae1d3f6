package io.sluice.bus;

import java.util.Arrays;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * The one table of errors. HTTP status and RocketMQ's response code both come from here; a client
 * decides by {@code name()}, never by a text.
 */
public enum ErrorCode {
  MALFORMED_REQUEST(400, 1, false, "The request could not be read"),
  UNKNOWN_FIELD(400, 29, false, "The request has a field or header that is not known"),
  INVALID_ARGUMENT(400, 29, false, "A value is outside of what is allowed"),
  INVALID_TOPIC(400, 29, false, "The topic's name is not allowed"),
  INVALID_GROUP(400, 29, false, "The group's name is not allowed"),
  INVALID_FILTER(400, 23, false, "The filter could not be read"),
  UNAUTHENTICATED(401, 16, false, "It is not known who asks"),
  NO_PERMISSION(403, 16, false, "This is not permitted"),
  NOT_FOUND(404, 3, false, "There is nothing at this path"),
  TOPIC_NOT_FOUND(404, 17, false, "There is no such topic"),
  GROUP_NOT_FOUND(404, 26, false, "There is no such group"),
  MESSAGE_NOT_FOUND(404, 22, false, "There is no such message"),
  TRANSACTION_NOT_FOUND(404, 1, false, "There is no such transaction, or it ended long ago"),
  METHOD_NOT_ALLOWED(405, 3, false, "This path does not take this method"),
  REQUEST_TIMEOUT(408, 1, true, "The request did not arrive whole in time"),
  SUBSCRIPTION_NOT_FOUND(409, 24, true, "The group has not said that it wants this topic"),
  SUBSCRIPTION_NOT_LATEST(409, 25, true, "The group's subscription known here is an older one"),
  CONSUMER_OFFLINE(409, 206, true, "Nobody consumes in this group now"),
  CONFLICT(409, 1, false, "The present state does not allow this"),
  REQUESTER_GONE(410, 1, false, "Nobody waits for this reply"),
  MESSAGE_TOO_LARGE(413, 13, false, "The message is over the size limit"),
  UNSUPPORTED_MEDIA_TYPE(415, 3, false, "This type or encoding of content is not taken here"),
  OFFSET_OUT_OF_RANGE(416, 21, false, "The offset is outside of the queue"),
  HEADERS_TOO_LARGE(431, 13, false, "The headers are over the size limit"),
  BUSY(429, 2, true, "A bound has been reached; the request was not carried out"),
  INTERNAL(500, 1, false, "Something went wrong on our side"),
  NOT_SUPPORTED(501, 3, false, "This is not supported"),
  BROKER_UNAVAILABLE(503, 14, true, "No Broker can take this now"),
  NOT_MASTER(503, 14, true, "This Broker is not the master now; nothing was stored"),
  SHUTTING_DOWN(503, 14, true, "The server is stopping"),
  DRAINING(503, 14, true, "This Broker takes nothing more before it stops; nothing was stored"),
  STORE_FAILED(503, 14, false, "The store refuses writes after a failure"),
  REPLICAS_MISSING(503, 11, true, "Too few replicas are in sync"),
  TOO_MANY_CONNECTIONS(503, 2, true, "There are as many connections as there may be"),
  TIMEOUT(504, 10, true, "The answer did not come in time; whether it was carried out is unknown"),
  DISK_FULL(507, 14, true, "The disk is full; reads go on");

  private static final Map<Integer, ErrorCode> BY_NUMBER =
      Arrays.stream(values())
          .collect(Collectors.toUnmodifiableMap(ErrorCode::wireNumber, Function.identity()));

  private final int httpStatus;
  private final int remotingCode;
  private final boolean retryable;
  private final String title;

  ErrorCode(int httpStatus, int remotingCode, boolean retryable, String title) {
    this.httpStatus = httpStatus;
    this.remotingCode = remotingCode;
    this.retryable = retryable;
    this.title = title;
  }

  /** The HTTP status that says this. */
  public int httpStatus() {
    return httpStatus;
  }

  /** The RocketMQ response code that says this. */
  public int remotingCode() {
    return remotingCode;
  }

  /** Whether the same request may succeed later without being changed. */
  public boolean retryable() {
    return retryable;
  }

  /**
   * Whether the one who was asked did nothing and can not now, so that the same may be asked of
   * another at once.
   */
  public boolean mayBeAskedElsewhere() {
    return this == BROKER_UNAVAILABLE || this == NOT_MASTER || this == DRAINING;
  }

  /** A short sentence for people. */
  public String title() {
    return title;
  }

  /** Default wait before a retry in milliseconds; -1 where a retry is pointless. */
  public long retryAfterMs() {
    return retryable ? 1_000 : -1;
  }

  /** How it crosses the event bus: by its name, so that the table may be reordered. */
  int wireNumber() {
    return name().hashCode();
  }

  /** The code with this number; {@link #INTERNAL} for one that is not known here. */
  static ErrorCode ofWireNumber(int number) {
    return BY_NUMBER.getOrDefault(number, INTERNAL);
  }
}
