package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.bus.ErrorCode;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Holds the routes, what the code accepts, and the two documents together. */
class DocumentsTest {

  private final JsonObject openApi = load("/openapi.json");
  private final JsonObject asyncApi = load("/asyncapi.json");

  @Test
  void shouldDocumentEveryRouteAndNoOther() {
    Set<String> routes = new TreeSet<>();
    for (Routes.Route route : Routes.all(null)) {
      routes.add(route.method().name().toLowerCase(Locale.ROOT) + " " + route.path());
    }
    Set<String> documented = new TreeSet<>();
    JsonObject paths = openApi.getJsonObject("paths");
    for (String path : paths.fieldNames()) {
      paths.getJsonObject(path).fieldNames().forEach(m -> documented.add(m + " " + path));
    }
    assertEquals(routes, documented);
  }

  @Test
  void shouldDocumentWhatACallerNeedsThePermissionFor() {
    for (Routes.Route route : Routes.all(null)) {
      String method = route.method().name().toLowerCase(Locale.ROOT);
      JsonArray security =
          openApi
              .getJsonObject("paths")
              .getJsonObject(route.path())
              .getJsonObject(method)
              .getJsonArray("security", new JsonArray());
      JsonArray expected = new JsonArray();
      if (route.permission() != null) {
        JsonArray words = new JsonArray().add(route.permission().word());
        expected.add(new JsonObject().put("token", words)).add(new JsonObject());
      }
      assertEquals(expected, security, method + " " + route.path());
    }
  }

  @Test
  void shouldDocumentEveryPathParameter() {
    JsonObject paths = openApi.getJsonObject("paths");
    for (String path : paths.fieldNames()) {
      Matcher matcher = Pattern.compile("\\{(\\w+)}").matcher(path);
      Set<String> names = new TreeSet<>();
      while (matcher.find()) {
        names.add(matcher.group(1));
      }
      for (String method : paths.getJsonObject(path).fieldNames()) {
        assertEquals(names, parameters(method, path, "path"), method + " " + path);
      }
    }
  }

  @Test
  void shouldDocumentTheFieldsThatAreAccepted() {
    assertFields(ItemReader.FIELDS, "Item");
    assertFields(ConsumeHandlers.RECEIVE_FIELDS, "Receive");
    assertFields(Filters.FIELDS, "Filter");
    assertFields(Settlements.FIELDS, "Settle");
    assertFields(TopicHandlers.FIELDS, "TopicConfig");
    assertFields(GroupHandlers.FIELDS, "GroupConfig");
    assertFields(PositionFields.FIELDS, "SetPosition");
    assertFields(LetterHandlers.REDRIVE_FIELDS, "Redrive");
    assertFields(LetterHandlers.PURGE_FIELDS, "Purge");
  }

  @Test
  void shouldDocumentTheHeadersAndParametersThatAreAccepted() {
    Set<String> headers = new TreeSet<>(SluiceHeaders.OF_SEND);
    headers.add(SluiceHeaders.PROPERTY_PREFIX + "<Name>");
    assertEquals(headers, parameters("post", Routes.MESSAGES, "header"));
    assertEquals(
        new TreeSet<>(Arrays.asList(SubscribeFields.PARAMETERS)),
        parameters("get", Routes.SOCKET, "query"));
    assertEquals(
        Set.of("queue", "offset", "time", "limit", "key", "tag", "sql"),
        parameters("get", Routes.MESSAGES, "query"));
    assertEquals(
        Set.of("from", "tag", "sql", "format"),
        parameters("get", "/v1/topics/{topic}/stream", "query"));
  }

  @Test
  void shouldDocumentEveryErrorCode() {
    List<String> codes = Arrays.stream(ErrorCode.values()).map(Enum::name).toList();
    assertEquals(new JsonArray(codes), property("Problem", "code").getJsonArray("enum"));
    assertEquals(
        new JsonArray(codes),
        frame("server.error")
            .getJsonObject("properties")
            .getJsonObject("code")
            .getJsonArray("enum"));
  }

  @Test
  void shouldDocumentEveryFrameOfAClientWithItsFields() {
    Set<String> types = new TreeSet<>();
    for (String name :
        asyncApi.getJsonObject("components").getJsonObject("messages").fieldNames()) {
      if (name.startsWith("client.")) {
        types.add(name.substring("client.".length()));
      }
    }
    assertEquals(new TreeSet<>(Socket.TYPES), types);
    assertFrame(SubscribeFields.FIELDS, "subscribe");
    assertFrame(SocketSubscriptions.CREDIT_FIELDS, "credit");
    assertFrame(SocketSubscriptions.SETTLE_FIELDS, "settle");
    assertFrame(SocketSends.PUBLISH_FIELDS, "publish");
    assertFrame(SocketSends.REPLY_FIELDS, "reply");
    assertFrame(SocketSubscriptions.UNSUBSCRIBE_FIELDS, "unsubscribe");
    assertFrame(SocketSubscriptions.SEEK_FIELDS, "seek");
    assertFrame(Socket.PING_FIELDS, "ping");
    assertFrame(Socket.PING_FIELDS, "pong");
    assertFrame(Socket.AUTH_FIELDS, "auth");
  }

  @Test
  void shouldPointOnlyToWhatIsThere() {
    for (JsonObject document : List.of(openApi, asyncApi)) {
      Matcher matcher = Pattern.compile("\"\\$ref\":\"#/([^\"]+)\"").matcher(document.encode());
      while (matcher.find()) {
        Object at = document;
        for (String part : matcher.group(1).split("/")) {
          at = ((JsonObject) at).getValue(part);
          assertTrue(at != null, matcher.group());
        }
      }
    }
    assertEquals("3.1.0", openApi.getString("openapi"));
    assertEquals("3.0.0", asyncApi.getString("asyncapi"));
  }

  private void assertFields(Collection<String> accepted, String schema) {
    assertEquals(
        new TreeSet<>(accepted),
        new TreeSet<>(schema(schema).getJsonObject("properties").fieldNames()),
        schema);
  }

  private void assertFrame(Collection<String> accepted, String type) {
    assertEquals(
        new TreeSet<>(accepted),
        new TreeSet<>(frame("client." + type).getJsonObject("properties").fieldNames()),
        type);
  }

  private JsonObject frame(String name) {
    return asyncApi
        .getJsonObject("components")
        .getJsonObject("messages")
        .getJsonObject(name)
        .getJsonObject("payload");
  }

  private JsonObject schema(String name) {
    return openApi.getJsonObject("components").getJsonObject("schemas").getJsonObject(name);
  }

  private JsonObject property(String schema, String name) {
    return schema(schema).getJsonObject("properties").getJsonObject(name);
  }

  private Set<String> parameters(String method, String path, String in) {
    List<String> names = new ArrayList<>();
    JsonArray parameters =
        openApi
            .getJsonObject("paths")
            .getJsonObject(path)
            .getJsonObject(method)
            .getJsonArray("parameters", new JsonArray());
    for (int i = 0; i < parameters.size(); i++) {
      if (parameters.getJsonObject(i).getString("in").equals(in)) {
        names.add(parameters.getJsonObject(i).getString("name"));
      }
    }
    return new TreeSet<>(names);
  }

  private static JsonObject load(String name) {
    try (InputStream in = DocumentsTest.class.getResourceAsStream(name)) {
      return new JsonObject(new String(in.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8));
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
