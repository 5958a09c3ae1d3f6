package io.sluice.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.app.Sluice;
import io.sluice.app.SluiceOptions;
import io.sluice.bus.SluiceException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.UpgradeRejectedException;
import io.vertx.core.http.WebSocketConnectOptions;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.auth.JWTOptions;
import io.vertx.ext.auth.PubSecKeyOptions;
import io.vertx.ext.auth.jwt.JWTAuth;
import io.vertx.ext.auth.jwt.JWTAuthOptions;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may do what over HTTP and WebSocket, where the server was given a key for tokens. */
class TokensTest extends WholeServerTestBase {

  private static final String SECRET = "a secret that is long enough to sign with it";
  private static final long LONG_AGO_S = 1_000_000_000;

  @Override
  void openServer() throws Exception {
    SluiceOptions options =
        new SluiceOptions().setHost("127.0.0.1").setAnyPorts().setDataDirectory(data);
    options.store().segmentBytes(4 << 20);
    options.gateway().tokens(new TokenOptions(SECRET, "shop", "sluice"));
    sluice = await(Sluice.start(vertx, options));
    port = sluice.httpPort();
  }

  @Test
  void shouldAskForATokenWhereOneIsNeeded() throws Exception {
    Answer missing = post("/v1/topics/orders/messages", "hello");
    missing.isProblem(401, "UNAUTHENTICATED", "Authorization: Bearer");
    assertEquals("Bearer", missing.headers().get("www-authenticate"));
    get("/v1/topics").isProblem(401, "UNAUTHENTICATED");
    get("/metrics").isProblem(401, "UNAUTHENTICATED");
    get("/health/ready").is(200);
    get("/openapi.json").is(200);
    get("/v1/topics", "Authorization", "Basic YTpi").isProblem(401, "UNAUTHENTICATED", "scheme");
  }

  @Test
  void shouldRefuseTokensThatNobodyVouchesFor() throws Exception {
    refused("not.a.token", "not accepted");
    refused(token(SECRET + "?", claims("send")), "not accepted");
    refused(token(SECRET, claims("send").put("iss", "thief")), "issuer");
    refused(token(SECRET, claims("send").put("aud", "others")), "audience");
    refused(token(SECRET, claims("send").put("exp", LONG_AGO_S)), "expired");
    String body = base64("{\"alg\":\"none\"}") + "." + base64(claims("send").encode()) + ".";
    refused(body, "not accepted");
    refused(token(SECRET, claims("send").put("exp", "soon")), "exp is a number");
    refused("x".repeat(9_000), "characters");
  }

  @Test
  void shouldAllowWhatTheScopeSaysAndNothingElse() throws Exception {
    String producer = bearer("send:orders send:audit-*");
    as(HttpMethod.POST, "/v1/topics/orders/messages", "hello", producer).is(201);
    as(HttpMethod.POST, "/v1/topics/audit-eu/messages", "hello", producer).is(201);
    String list = token(SECRET, claims(null).put("scope", new JsonArray().add("send:orders")));
    as(HttpMethod.POST, "/v1/topics/orders/messages", "again", "Bearer " + list).is(201);
    as(HttpMethod.POST, "/v1/topics/audits/messages", "hello", producer)
        .isProblem(403, "NO_PERMISSION", "billing-service", "needed is send:audits");
    as(HttpMethod.POST, "/v1/groups/g/topics/orders/receive", "", producer)
        .isProblem(403, "NO_PERMISSION", "receive:orders");
    as(HttpMethod.GET, "/v1/topics", "", producer).isProblem(403, "NO_PERMISSION", "monitor");

    String consumer = bearer("receive:orders other-words openid");
    JsonObject got =
        as(HttpMethod.POST, "/v1/groups/g/topics/orders/receive", "{\"wait\":\"5s\"}", consumer)
            .is(200)
            .json();
    String receipt = got.getJsonArray("messages").getJsonObject(0).getString("receipt");
    String settle = new JsonObject().put("ack", new JsonArray().add(receipt)).encode();
    as(HttpMethod.POST, "/v1/groups/g/settle", settle, producer).is(403);
    as(HttpMethod.POST, "/v1/groups/g/settle", settle, consumer).is(200);
    as(HttpMethod.GET, "/v1/topics/audit-eu/messages?limit=1", "", consumer).is(403);

    String watcher = bearer("monitor");
    as(HttpMethod.GET, "/metrics", "", watcher).is(200);
    as(HttpMethod.GET, "/v1/groups/g/lag", "", watcher).is(200);
    as(HttpMethod.DELETE, "/v1/topics/orders", "", watcher).is(403);
    String operator = bearer("admin");
    as(HttpMethod.GET, "/v1/cluster", "", operator).is(200);
    as(HttpMethod.DELETE, "/v1/topics/orders", "", operator).is(204);
    as(HttpMethod.GET, "/v1/topics", "", bearer(null)).isProblem(403, "NO_PERMISSION", "empty");
  }

  @Test
  void shouldHaveASocketSayWhoItIsBeforeAnythingElse() throws Exception {
    TestSocket silent = TestSocket.open(this, "/v1/ws", false);
    silent.send("{\"type\":\"ping\"}");
    silent.next("pong");
    silent.send("{\"type\":\"publish\",\"topic\":\"orders\",\"body\":\"x\"}");
    assertEquals(SocketClose.UNAUTHENTICATED, silent.closeCode());

    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=orders&group=g", false);
    assertTrue(socket.isQuiet());
    socket.send(auth("a1", token(SECRET, claims("send receive:orders"))));
    assertEquals("a1", socket.next("ok").getString("id"));
    socket.next("subscribed");
    socket.send("{\"type\":\"publish\",\"id\":\"p\",\"topic\":\"orders\",\"body\":\"x\"}");
    assertEquals("x", socket.find("message").getString("body"));
    socket.send("{\"type\":\"subscribe\",\"sub\":\"s\",\"topic\":\"pay\",\"group\":\"g\"}");
    JsonObject refused = socket.find("error");
    assertEquals("NO_PERMISSION", refused.getString("code"));
    assertEquals("s", refused.getString("sub"));
    socket.send(auth("a2", "garbage"));
    assertEquals("UNAUTHENTICATED", socket.find("error").getString("code"));
    assertEquals(SocketClose.UNAUTHENTICATED, socket.closeCode());
  }

  @Test
  void shouldCloseASocketThatIsDeniedItsOneSubscription() throws Exception {
    TestSocket socket = TestSocket.open(this, "/v1/ws?topic=orders&group=g", true);
    socket.send(auth("a", token(SECRET, claims("receive:others"))));
    socket.next("ok");
    socket.find("error");
    assertEquals(SocketClose.DENIED, socket.closeCode());
  }

  @Test
  void shouldCloseASocketWhenItsTokenExpiresUnlessItBringsANewOne() throws Exception {
    long soonS = System.currentTimeMillis() / 1_000 + 2;
    TestSocket leaves = TestSocket.open(this, "/v1/ws", false);
    leaves.send(auth("a", token(SECRET, claims("send").put("exp", soonS))));
    leaves.next("ok");
    TestSocket stays = TestSocket.open(this, "/v1/ws", false);
    stays.send(auth("a", token(SECRET, claims("send").put("exp", soonS))));
    stays.next("ok");
    stays.send(auth("b", token(SECRET, claims("send"))));
    stays.next("ok");
    assertEquals(SocketClose.UNAUTHENTICATED, leaves.closeCode());
    stays.send("{\"type\":\"ping\"}");
    stays.next("pong");
  }

  @Test
  void shouldTakeTheHeaderOfTheUpgrade() throws Exception {
    WebSocketConnectOptions options =
        new WebSocketConnectOptions().setHost("127.0.0.1").setPort(port).setURI("/v1/ws");
    options.addHeader("Authorization", "Bearer nobody");
    ExecutionException failed =
        assertThrows(ExecutionException.class, () -> await(webSockets.connect(options)));
    assertEquals(401, ((UpgradeRejectedException) failed.getCause()).getStatus());
    options.putHeader("Authorization", bearer("send"));
    await(webSockets.connect(options).compose(socket -> socket.close()));
  }

  @ParameterizedTest
  @ValueSource(strings = {"RS256", "ES256"})
  void shouldVerifyWithAPublicKey(String algorithm) throws Exception {
    boolean isRsa = algorithm.startsWith("R");
    KeyPairGenerator generator = KeyPairGenerator.getInstance(isRsa ? "RSA" : "EC");
    if (isRsa) {
      generator.initialize(2_048);
    } else {
      generator.initialize(new ECGenParameterSpec("secp256r1"));
    }
    KeyPair pair = generator.generateKeyPair();
    String token =
        signer(algorithm, pem("PRIVATE", pair.getPrivate().getEncoded()))
            .generateToken(
                new JsonObject().put("scope", "admin"), new JWTOptions().setAlgorithm(algorithm));
    TokenOptions key = new TokenOptions(pem("PUBLIC", pair.getPublic().getEncoded()), null, null);
    new Access(vertx, key).of(token, 0).check(Permission.ADMIN, null);
    String forged = token(SECRET, claims("admin"));
    assertThrows(SluiceException.class, () -> new Access(vertx, key).of(forged, 0));
  }

  @Test
  void shouldSayWhatIsWrongWithAKey() {
    for (String[] each :
        List.of(
            new String[] {"short", "at least 32"},
            new String[] {"{\"keys\":[]}", "there are none"},
            new String[] {"{\"keys\":", "no JSON Web Key Set"},
            new String[] {pem("PRIVATE", new byte[] {1}), "a public key is needed"},
            new String[] {pem("PUBLIC", new byte[] {1}), "neither of RSA nor"})) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> new TokenOptions(each[0], null, null))
              .getMessage();
      assertTrue(message.contains(each[1]), message);
    }
  }

  private void refused(String token, String said) throws Exception {
    as(HttpMethod.POST, "/v1/topics/orders/messages", "hello", "Bearer " + token)
        .isProblem(401, "UNAUTHENTICATED", said);
  }

  private Answer as(HttpMethod method, String uri, String body, String authorization)
      throws Exception {
    return call(http, method, uri, Buffer.buffer(body), "Authorization", authorization);
  }

  private String bearer(String scope) {
    return "Bearer " + token(SECRET, claims(scope));
  }

  private static JsonObject claims(String scope) {
    JsonObject claims =
        new JsonObject().put("sub", "billing-service").put("iss", "shop").put("aud", "sluice");
    return scope == null ? claims : claims.put("scope", scope);
  }

  private String token(String secret, JsonObject claims) {
    return signer("HS256", secret).generateToken(claims, new JWTOptions().setAlgorithm("HS256"));
  }

  private JWTAuth signer(String algorithm, String key) {
    PubSecKeyOptions options = new PubSecKeyOptions().setAlgorithm(algorithm).setBuffer(key);
    return JWTAuth.create(vertx, new JWTAuthOptions().addPubSecKey(options));
  }

  private static String auth(String id, String token) {
    return new JsonObject().put("type", "auth").put("id", id).put("token", token).encode();
  }

  private static String pem(String kind, byte[] key) {
    String lines = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(key);
    return "-----BEGIN " + kind + " KEY-----\n" + lines + "\n-----END " + kind + " KEY-----\n";
  }

  private static String base64(String text) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes());
  }
}
