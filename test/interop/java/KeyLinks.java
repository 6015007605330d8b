import java.io.ByteArrayInputStream;
import java.net.URI;
import java.security.InvalidKeyException;
import java.security.SignatureException;
import java.security.cert.CertPathBuilder;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.LDAPCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.PKIXCertPathBuilderResult;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509CRL;
import java.security.cert.X509CertSelector;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * OpenJDK's path builder against a running server whose CA was renewed: the link that leads to the anchor comes out of
 * the CA's entry, lists are given to it.
 *
 * <p>The builder is given that one link and not the other: it gives a branch up when two self-issued certificates would
 * follow each other, and tries the other link before the anchor.
 *
 * <p>Reads what it needs from environment variables and writes one JSON document: for each row its name and,
 * where it failed, why. Started by test/interop/key-renewal-served.test.ts.
 */
public final class KeyLinks {
  private final List<String> rows = new ArrayList<>();

  private interface Body {
    void run() throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    KeyLinks links = new KeyLinks();
    links.paths();
    links.revocation();
    System.out.println("[" + String.join(",", links.rows) + "]");
  }

  private void row(String name, Body body) {
    String failure = "";
    try {
      body.run();
    } catch (Exception | AssertionError error) {
      StringBuilder text = new StringBuilder();
      for (Throwable at = error; at != null; at = at.getCause()) {
        text.append(at).append(' ');
      }
      failure = ",\"failure\":\"" + text.toString().replaceAll("[\"\\\\\\p{Cntrl}]", " ") + "\"";
    }
    rows.add("{\"name\":\"" + name + "\"" + failure + "}");
  }

  private static void same(Object actual, Object expected) {
    if (!expected.equals(actual)) {
      throw new AssertionError("expected " + expected + ", found " + actual);
    }
  }

  private static byte[] bytes(String variable) {
    return Base64.getDecoder().decode(System.getenv(variable));
  }

  private static X509Certificate certificate(String variable) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    return (X509Certificate)
        factory.generateCertificate(new ByteArrayInputStream(bytes(variable)));
  }

  private static X509CRL list(String variable) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    return (X509CRL) factory.generateCRL(new ByteArrayInputStream(bytes(variable)));
  }

  private static CertStore directory() throws Exception {
    URI server = new URI(System.getenv("LDAP_URL"));
    return CertStore.getInstance(
        "LDAP", new LDAPCertStoreParameters(server.getHost(), server.getPort()));
  }

  /**
   * The certificates in the CA's entry that an anchor's key has signed for the key that signed the target or, if lists
   * are looked at, the lists.
   */
  private static List<X509Certificate> links(
      X509Certificate target, X509Certificate anchor, boolean withLists) throws Exception {
    X509CertSelector selector = new X509CertSelector();
    selector.setSubject(target.getIssuerX500Principal());
    List<X509Certificate> found = new ArrayList<>();
    for (Certificate one : directory().getCertificates(selector)) {
      boolean isNeeded = isSignedBy(target, one) || withLists && isSignedBy(list("ARL"), one);
      if (isNeeded && isSignedBy(one, anchor) && !one.equals(anchor)) {
        found.add((X509Certificate) one);
      }
    }
    return found;
  }

  private static boolean isSignedBy(Certificate certificate, Certificate issuer) throws Exception {
    try {
      certificate.verify(issuer.getPublicKey());
      return true;
    } catch (SignatureException | InvalidKeyException error) {
      return false;
    }
  }

  private static boolean isSignedBy(X509CRL list, Certificate issuer) throws Exception {
    try {
      list.verify(issuer.getPublicKey());
      return true;
    } catch (SignatureException | InvalidKeyException error) {
      return false;
    }
  }

  /** Builds a path to a certificate from an anchor. */
  private static List<? extends Certificate> build(
      String target, String anchor, boolean withLists) throws Exception {
    X509CertSelector selector = new X509CertSelector();
    selector.setCertificate(certificate(target));
    PKIXBuilderParameters parameters =
        new PKIXBuilderParameters(Set.of(new TrustAnchor(certificate(anchor), null)), selector);
    List<X509Certificate> certificates =
        links(certificate(target), certificate(anchor), withLists);
    certificates.add(certificate(target));
    parameters.addCertStore(
        CertStore.getInstance("Collection", new CollectionCertStoreParameters(certificates)));
    CertPathBuilder builder = CertPathBuilder.getInstance("PKIX");
    if (withLists) {
      parameters.addCertStore(
          CertStore.getInstance(
              "Collection",
              new CollectionCertStoreParameters(List.of(list("PARTITION_LIST"), list("ARL")))));
      PKIXRevocationChecker checker = (PKIXRevocationChecker) builder.getRevocationChecker();
      checker.setOptions(
          EnumSet.of(
              PKIXRevocationChecker.Option.PREFER_CRLS, PKIXRevocationChecker.Option.NO_FALLBACK));
      parameters.addCertPathChecker(checker);
    } else {
      parameters.setRevocationEnabled(false);
    }
    PKIXCertPathBuilderResult built = (PKIXCertPathBuilderResult) builder.build(parameters);
    return built.getCertPath().getCertificates();
  }

  private void paths() {
    String[][] ways = {
      {"OLD_GOOD", "NEW_ANCHOR", "OLD_WITH_NEW"}, {"NEW_GOOD", "OLD_ANCHOR", "NEW_WITH_OLD"},
    };
    for (String[] way : ways) {
      row("CertPathBuilder: " + way[0] + " from " + way[1] + " over " + way[2], () -> {
        List<? extends Certificate> path = build(way[0], way[1], false);
        same(path.size(), 2);
        same(path.get(1), certificate(way[2]));
      });
    }
    String[][] direct = {{"OLD_GOOD", "OLD_ANCHOR"}, {"NEW_GOOD", "NEW_ANCHOR"}};
    for (String[] way : direct) {
      row("CertPathBuilder: " + way[0] + " from " + way[1] + " without a link", () -> {
        same(build(way[0], way[1], false).size(), 1);
      });
    }
  }

  private void revocation() {
    String[] anchors = {"OLD_ANCHOR", "NEW_ANCHOR"};
    for (String anchor : anchors) {
      for (String target : new String[] {"OLD", "NEW"}) {
        row("lists of the new key: " + target + " from " + anchor, () -> {
          build(target + "_GOOD", anchor, true);
          try {
            build(target + "_REVOKED", anchor, true);
          } catch (CertPathBuilderException error) {
            for (Throwable at = error; at != null; at = at.getCause()) {
              if (at instanceof CertPathValidatorException) {
                same(
                    ((CertPathValidatorException) at).getReason(),
                    CertPathValidatorException.BasicReason.REVOKED);
                return;
              }
            }
            throw error;
          }
          throw new AssertionError("a revoked certificate was taken");
        });
      }
    }
  }
}
