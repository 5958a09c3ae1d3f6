package io.sluice.gateway;

import io.sluice.bus.AckLevel;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.util.NearestName;
import io.vertx.core.MultiMap;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Reads the headers of a request: those that describe a message go into the draft, those that are
 * not known are an error that names them. Reused; for one thread.
 */
final class SluiceHeaders {

  static final String TAG = "Sluice-Tag";
  static final String KEY = "Sluice-Key";
  static final String ORDERING_KEY = "Sluice-Ordering-Key";
  static final String ACK = "Sluice-Ack";
  static final String DELAY = "Sluice-Delay";
  static final String DELIVER_AT = "Sluice-Deliver-At";
  static final String REPLY_WAIT = "Sluice-Reply-Wait";
  static final String TTL = "Sluice-Ttl";
  static final String TRANSACTION = "Sluice-Transaction";
  static final String IDEMPOTENCY_KEY = "Idempotency-Key";
  static final String TRACE_PARENT = "traceparent";
  static final String TRACE_STATE = "tracestate";

  /** Of an answer that is a reply which could not be made plain. */
  static final String CONTENT_ENCODING = "Sluice-Content-Encoding";

  static final String PROPERTY_PREFIX = "Sluice-Property-";

  /** The headers of a send that are known by name; the document of the API lists the same. */
  static final List<String> OF_SEND =
      List.of(
          TAG,
          KEY,
          ORDERING_KEY,
          ACK,
          DELAY,
          DELIVER_AT,
          REPLY_WAIT,
          TTL,
          TRANSACTION,
          IDEMPOTENCY_KEY,
          TRACE_PARENT,
          TRACE_STATE);

  private static final List<String> KNOWN =
      List.of(
          TAG,
          KEY,
          ORDERING_KEY,
          ACK,
          PROPERTY_PREFIX + "<Name>",
          DELAY,
          DELIVER_AT,
          TTL,
          REPLY_WAIT,
          TRANSACTION);

  private static final List<String> ACKS = List.of("memory", "disk", "replicated");
  private static final String PREFIX = "sluice-";

  /** The shortest name of ours is ce-id. */
  private static final int SHORTEST = 5;

  private SluiceHeaders() {}

  /**
   * Reads the headers of a single message.
   *
   * @return the ack level asked for, or null
   * @throws SluiceException naming the header that is not known, not supported or not good
   */
  static AckLevel readMessage(MultiMap headers, MessageDraft draft) {
    AckLevel ack = null;
    for (Map.Entry<String, String> header : headers) {
      String name = header.getKey();
      int length = name.length();
      if (length < SHORTEST) {
        continue;
      }
      switch (name.charAt(0) | 0x20) {
        case 's' -> {
          if (isSluice(name)) {
            AckLevel found = readSluice(name, header.getValue(), draft);
            ack = found == null ? ack : found;
          }
        }
        case 'c' -> {
          if (length == 12 && name.equalsIgnoreCase("content-type")) {
            draft.contentType(header.getValue());
          } else if (length == 16 && name.equalsIgnoreCase("content-encoding")) {
            checkEncoding(header.getValue());
          } else if (isCloudEvent(name)) {
            draft.eventAttribute(
                name.substring(3).toLowerCase(Locale.ROOT),
                CloudEvent.decodeHeader(text(header.getValue())));
          }
        }
        case 'i' -> {
          if (name.equalsIgnoreCase(IDEMPOTENCY_KEY)) {
            draft.idempotencyKey(text(header.getValue()));
          }
        }
        case 't' -> {
          if (name.equalsIgnoreCase(TRACE_PARENT) || name.equalsIgnoreCase(TRACE_STATE)) {
            draft.property(name.toLowerCase(Locale.ROOT), header.getValue());
          }
        }
        default -> {
          // A header of HTTP's, not of ours.
        }
      }
    }
    draft.endEvent();
    return ack;
  }

  /** Checks the headers of a request that carries no message. */
  static void readPlain(MultiMap headers) {
    for (Map.Entry<String, String> header : headers) {
      String name = header.getKey();
      if (isSluice(name)) {
        throw isKnown(name)
            ? new SluiceException(
                ErrorCode.UNKNOWN_FIELD,
                "the header " + name + " has no meaning here; it belongs to a send")
            : unknown(name);
      }
      if (name.equalsIgnoreCase("content-encoding")) {
        checkEncoding(header.getValue());
      }
    }
  }

  /**
   * Reads the headers of a batch.
   *
   * @param defaultAck the ack level where none is asked for
   * @param events whether its items are CloudEvents
   */
  static BatchHeaders readBatch(MultiMap headers, AckLevel defaultAck, boolean events) {
    AckLevel ack = defaultAck;
    for (Map.Entry<String, String> header : headers) {
      String name = header.getKey();
      if (name.equalsIgnoreCase(ACK)) {
        ack = ack(header.getValue());
      } else if (isSluice(name)) {
        throw isKnown(name) ? single(name, "each item says it") : unknown(name);
      } else if (name.equalsIgnoreCase(IDEMPOTENCY_KEY)) {
        throw single(
            name,
            events ? "each event is known by its source and id" : "each item has idempotencyKey");
      } else if (isCloudEvent(name)) {
        throw single(
            name,
            events
                ? "each event has its own attributes"
                : "events come whole, as " + CloudEvent.BATCH_TYPE);
      } else if (name.equalsIgnoreCase("content-encoding")) {
        checkEncoding(header.getValue());
      }
    }
    // W3C Trace Context, 3.3.1.1: the state may come in several headers.
    List<String> states = headers.getAll(TRACE_STATE);
    return new BatchHeaders(
        ack, headers.get(TRACE_PARENT), states.isEmpty() ? null : String.join(",", states));
  }

  private static SluiceException single(String name, String inABatch) {
    return new SluiceException(
        ErrorCode.UNKNOWN_FIELD,
        "the header " + name + " is for a single message; in a batch " + inABatch);
  }

  /** The ack level of this name. */
  static AckLevel ack(String value) {
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "memory" -> AckLevel.MEMORY;
      case "disk" -> AckLevel.DISK;
      case "replicated" -> AckLevel.REPLICATED;
      default -> {
        String near = NearestName.of(value, ACKS);
        throw new SluiceException(
            ErrorCode.INVALID_ARGUMENT,
            "ack: found '"
                + value
                + "', allowed are memory, disk and replicated"
                + (near == null ? "" : "; did you mean " + near + "?"));
      }
    };
  }

  private static AckLevel readSluice(String name, String value, MessageDraft draft) {
    if (name.equalsIgnoreCase(TAG)) {
      draft.tag(text(value));
    } else if (name.equalsIgnoreCase(KEY)) {
      draft.key(text(value));
    } else if (name.equalsIgnoreCase(ORDERING_KEY)) {
      draft.orderingKey(text(value));
    } else if (name.equalsIgnoreCase(ACK)) {
      return ack(value);
    } else if (name.equalsIgnoreCase(DELAY)) {
      draft.delay(name, value);
    } else if (name.equalsIgnoreCase(TTL)) {
      draft.ttl(name, value);
    } else if (name.equalsIgnoreCase(DELIVER_AT)) {
      draft.deliverAt(name, Fields.timeMs(name, value));
    } else if (name.equalsIgnoreCase(REPLY_WAIT)) {
      draft.replyWait(name, value);
    } else if (name.equalsIgnoreCase(TRANSACTION)) {
      draft.transaction(text(value));
    } else if (isProperty(name)) {
      // The name as it came: HTTP/2 has made it lower case, HTTP/1.1 leaves it.
      draft.property(name.substring(PROPERTY_PREFIX.length()), text(value));
    } else {
      throw unknown(name);
    }
    return null;
  }

  /** A body is kept as it comes, without saying how it is encoded: who got it could not read it. */
  private static void checkEncoding(String encoding) {
    if (!encoding.isEmpty() && !encoding.equalsIgnoreCase("identity")) {
      throw new SluiceException(
          ErrorCode.UNSUPPORTED_MEDIA_TYPE,
          "Content-Encoding: found '"
              + encoding
              + "', allowed is none; send the body plain, or leave the header out and say it in a"
              + " Sluice-Property-");
    }
  }

  private static boolean isSluice(String name) {
    return name.regionMatches(true, 0, PREFIX, 0, PREFIX.length());
  }

  private static boolean isProperty(String name) {
    return name.length() > PROPERTY_PREFIX.length()
        && name.regionMatches(true, 0, PROPERTY_PREFIX, 0, PROPERTY_PREFIX.length());
  }

  private static boolean isKnown(String name) {
    return isProperty(name) || KNOWN.stream().anyMatch(name::equalsIgnoreCase);
  }

  private static boolean isCloudEvent(String name) {
    return name.regionMatches(true, 0, "ce-", 0, 3);
  }

  private static SluiceException unknown(String name) {
    String near = NearestName.of(name, KNOWN);
    return new SluiceException(
        ErrorCode.UNKNOWN_FIELD,
        "the header "
            + name
            + " is not known"
            + (near == null ? "" : "; did you mean " + near + "?"));
  }

  /** A header's bytes arrive one by char; what is UTF-8 is read as such. */
  private static String text(String value) {
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) > 127) {
        byte[] bytes = value.getBytes(StandardCharsets.ISO_8859_1);
        return JsonText.isUtf8(bytes, 0, bytes.length)
            ? new String(bytes, StandardCharsets.UTF_8)
            : value;
      }
    }
    return value;
  }
}
