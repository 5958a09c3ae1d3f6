package io.sluice.remoting;

/**
 * The header of a send. The short names of codes 310 and 320 save bytes; code 10 says the same in
 * long ones.
 *
 * <p>Source: Apache RocketMQ 5.5.0, SendMessageRequestHeader and SendMessageRequestHeaderV2.
 */
record SendHeader(
    String producerGroup,
    String topic,
    String defaultTopic,
    int defaultQueues,
    int queueId,
    int sysFlag,
    long bornAtMs,
    int flag,
    String properties,
    int reconsumeTimes,
    int maxReconsumeTimes,
    boolean batch) {

  static SendHeader readLong(ExtFields fields) {
    return new SendHeader(
        fields.required("producerGroup"),
        fields.required("topic"),
        fields.required("defaultTopic"),
        fields.requiredInt("defaultTopicQueueNums"),
        fields.requiredInt("queueId"),
        fields.requiredInt("sysFlag"),
        fields.requiredLong("bornTimestamp"),
        fields.requiredInt("flag"),
        fields.text("properties", ""),
        fields.integer("reconsumeTimes", 0),
        fields.integer("maxReconsumeTimes", -1),
        fields.flag("batch"));
  }

  static SendHeader readShort(ExtFields fields) {
    return new SendHeader(
        fields.required("a"),
        fields.required("b"),
        fields.required("c"),
        fields.requiredInt("d"),
        fields.requiredInt("e"),
        fields.requiredInt("f"),
        fields.requiredLong("g"),
        fields.requiredInt("h"),
        fields.text("i", ""),
        fields.integer("j", 0),
        fields.integer("l", -1),
        fields.flag("m"));
  }

  /** The same send to any queue of another topic. */
  SendHeader to(String otherTopic) {
    return new SendHeader(
        producerGroup,
        otherTopic,
        defaultTopic,
        defaultQueues,
        -1,
        sysFlag,
        bornAtMs,
        flag,
        properties,
        reconsumeTimes,
        maxReconsumeTimes,
        batch);
  }
}
