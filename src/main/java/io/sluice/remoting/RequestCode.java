package io.sluice.remoting;

/**
 * The request codes this front knows by name.
 *
 * <p>Source: Apache RocketMQ 5.5.0, RequestCode. docs/protocol-coverage.md says for each what is
 * done with it.
 */
final class RequestCode {

  static final int SEND_MESSAGE = 10;
  static final int PULL_MESSAGE = 11;
  static final int QUERY_MESSAGE = 12;
  static final int QUERY_CONSUMER_OFFSET = 14;
  static final int UPDATE_CONSUMER_OFFSET = 15;
  static final int UPDATE_AND_CREATE_TOPIC = 17;
  static final int UPDATE_AND_CREATE_TOPIC_LIST = 18;
  static final int GET_ALL_TOPIC_CONFIG = 21;
  static final int UPDATE_BROKER_CONFIG = 25;
  static final int GET_BROKER_CONFIG = 26;
  static final int GET_BROKER_RUNTIME_INFO = 28;
  static final int SEARCH_OFFSET_BY_TIMESTAMP = 29;
  static final int GET_MAX_OFFSET = 30;
  static final int GET_MIN_OFFSET = 31;
  static final int GET_EARLIEST_MSG_STORE_TIME = 32;
  static final int VIEW_MESSAGE_BY_ID = 33;
  static final int HEART_BEAT = 34;
  static final int UNREGISTER_CLIENT = 35;
  static final int CONSUMER_SEND_MSG_BACK = 36;
  static final int END_TRANSACTION = 37;
  static final int GET_CONSUMER_LIST_BY_GROUP = 38;
  static final int CHECK_TRANSACTION_STATE = 39;
  static final int NOTIFY_CONSUMER_IDS_CHANGED = 40;
  static final int LOCK_BATCH_MQ = 41;
  static final int UNLOCK_BATCH_MQ = 42;
  static final int CHECK_CLIENT_CONFIG = 46;
  static final int PUT_KV_CONFIG = 100;
  static final int GET_KV_CONFIG = 101;
  static final int DELETE_KV_CONFIG = 102;
  static final int REGISTER_BROKER = 103;
  static final int UNREGISTER_BROKER = 104;
  static final int GET_ROUTE_BY_TOPIC = 105;
  static final int GET_BROKER_CLUSTER_INFO = 106;
  static final int UPDATE_AND_CREATE_SUBSCRIPTION_GROUP = 200;
  static final int GET_ALL_SUBSCRIPTION_GROUPS = 201;
  static final int GET_CONSUMER_CONNECTION_LIST = 203;
  static final int GET_PRODUCER_CONNECTION_LIST = 204;
  static final int GET_TOPIC_STATS = 202;
  static final int WIPE_WRITE_PERMISSION = 205;
  static final int GET_ALL_TOPICS = 206;
  static final int DELETE_SUBSCRIPTION_GROUP = 207;
  static final int GET_CONSUME_STATS = 208;
  static final int DELETE_TOPIC_IN_BROKER = 215;
  static final int DELETE_TOPIC_IN_NAME_SERVER = 216;
  static final int GET_KV_LIST_BY_NAMESPACE = 219;
  static final int GET_CONSUMER_STATUS_FROM_CLIENT = 221;
  static final int INVOKE_BROKER_TO_RESET_OFFSET = 222;
  static final int INVOKE_BROKER_TO_GET_CONSUMER_STATUS = 223;
  static final int GET_TOPICS_BY_CLUSTER = 224;
  static final int UPDATE_AND_CREATE_SUBSCRIPTION_GROUP_LIST = 225;
  static final int QUERY_TOPIC_CONSUME_BY_WHO = 300;
  static final int QUERY_CONSUME_TIME_SPAN = 303;
  static final int GET_SYSTEM_TOPICS = 304;
  static final int GET_SYSTEM_TOPICS_OF_BROKER = 305;
  static final int CLEAN_EXPIRED_CONSUME_QUEUE = 306;
  static final int GET_CONSUMER_RUNNING_INFO = 307;
  static final int CONSUME_MESSAGE_DIRECTLY = 309;
  static final int SEND_MESSAGE_V2 = 310;
  static final int GET_UNIT_TOPICS = 311;
  static final int GET_TOPICS_WITH_UNIT_SUBSCRIPTION = 312;
  static final int GET_PLAIN_TOPICS_WITH_UNIT_SUBSCRIPTION = 313;
  static final int CLONE_GROUP_OFFSET = 314;
  static final int VIEW_BROKER_STATS_DATA = 315;
  static final int CLEAN_UNUSED_TOPIC = 316;
  static final int GET_BROKER_CONSUME_STATS = 317;
  static final int UPDATE_NAME_SERVER_CONFIG = 318;
  static final int GET_NAME_SERVER_CONFIG = 319;
  static final int SEND_BATCH_MESSAGE = 320;
  static final int QUERY_CONSUME_QUEUE = 321;
  static final int ADD_WRITE_PERMISSION = 327;
  static final int GET_ALL_PRODUCER_INFO = 328;
  static final int DELETE_EXPIRED_COMMIT_LOG = 329;
  static final int QUERY_TOPICS_BY_CONSUMER = 343;
  static final int QUERY_SUBSCRIPTION_BY_CONSUMER = 345;
  static final int QUERY_DATA_VERSION = 322;
  static final int GET_BROKER_MEMBER_GROUP = 901;
  static final int BROKER_HEARTBEAT = 904;
  static final int SEND_REPLY_MESSAGE = 324;
  static final int SEND_REPLY_MESSAGE_V2 = 325;
  static final int PUSH_REPLY_MESSAGE_TO_CLIENT = 326;
  static final int GET_TOPIC_CONFIG = 351;
  static final int GET_SUBSCRIPTION_GROUP_CONFIG = 352;
  static final int LITE_PULL_MESSAGE = 361;
  static final int GET_BROKER_HA_STATUS = 907;
  static final int RECALL_MESSAGE = 370;
  static final int QUERY_ASSIGNMENT = 400;
  static final int SET_MESSAGE_REQUEST_MODE = 401;
  static final int POP_MESSAGE = 200_050;
  static final int ACK_MESSAGE = 200_051;
  static final int PEEK_MESSAGE = 200_052;
  static final int CHANGE_MESSAGE_INVISIBLE_TIME = 200_053;
  static final int NOTIFICATION = 200_054;
  static final int POLLING_INFO = 200_055;
  static final int BATCH_ACK_MESSAGE = 200_151;

  private RequestCode() {}
}
