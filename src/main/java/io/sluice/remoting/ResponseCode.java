package io.sluice.remoting;

/**
 * The response codes that are decided in this front. Those of failures at the Broker come from
 * {@link io.sluice.bus.ErrorCode#remotingCode}.
 *
 * <p>Source: Apache RocketMQ 5.5.0, RemotingSysResponseCode and ResponseCode.
 */
final class ResponseCode {

  static final int SUCCESS = 0;
  static final int SYSTEM_ERROR = 1;
  static final int SYSTEM_BUSY = 2;
  static final int NOT_SUPPORTED = 3;
  static final int MESSAGE_ILLEGAL = 13;
  static final int TOPIC_NOT_EXIST = 17;
  static final int PULL_NOT_FOUND = 19;
  static final int PULL_RETRY_IMMEDIATELY = 20;
  static final int PULL_OFFSET_MOVED = 21;
  static final int QUERY_NOT_FOUND = 22;
  static final int SUBSCRIPTION_PARSE_FAILED = 23;
  static final int INVALID_PARAMETER = 29;

  static final int CONSUME_MSG_TIMEOUT = 207;
  static final int NO_MESSAGE = 208;
  static final int POLLING_FULL = 209;
  static final int POLLING_TIMEOUT = 210;
  static final int ILLEGAL_OPERATION = 604;

  private ResponseCode() {}
}
