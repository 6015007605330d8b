import java.io.ByteArrayInputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.security.cert.CertPath;
import java.security.cert.CertPathValidator;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateFactory;
import java.security.cert.CertificateRevokedException;
import java.security.cert.Extension;
import java.security.cert.PKIXParameters;
import java.security.cert.PKIXRevocationChecker;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * OpenJDK's revocation checker against a running server, with OCSP alone: no list is asked for when an answer is not
 * accepted.
 *
 * <p>Arguments: the responder's URL, the CA's certificate, then pairs of a certificate and what is expected of it: {@code
 * good} or the name of a reason. Writes one JSON document: for each row its name and, where it failed, why. Started by
 * test/interop/ocsp.test.ts.
 */
public final class OcspClient {
  private static final String NONCE = "1.3.6.1.5.5.7.48.1.2";

  private final URI responder;
  private final X509Certificate authority;

  private OcspClient(URI responder, X509Certificate authority) {
    this.responder = responder;
    this.authority = authority;
  }

  public static void main(String[] args) throws Exception {
    OcspClient client = new OcspClient(new URI(args[0]), read(args[1]));
    List<String> rows = new ArrayList<>();
    for (int at = 2; at + 1 < args.length; at += 2) {
      for (boolean withNonce : new boolean[] {false, true}) {
        String name = args[at + 1] + (withNonce ? ", with a nonce" : "");
        String found;
        try {
          found = client.check(read(args[at]), withNonce);
        } catch (CertPathValidatorException e) {
          found = e.toString();
        }
        rows.add(row(name, found.equals(args[at + 1]) ? null : found));
      }
    }
    System.out.println("[" + String.join(",", rows) + "]");
  }

  /** {@code good}, or why it was revoked. */
  private String check(X509Certificate certificate, boolean withNonce) throws Exception {
    CertPathValidator validator = CertPathValidator.getInstance("PKIX");
    PKIXRevocationChecker checker = (PKIXRevocationChecker) validator.getRevocationChecker();
    checker.setOcspResponder(responder);
    checker.setOptions(EnumSet.of(PKIXRevocationChecker.Option.NO_FALLBACK));
    if (withNonce) {
      checker.setOcspExtensions(List.of(nonce()));
    }
    PKIXParameters parameters = new PKIXParameters(Set.of(new TrustAnchor(authority, null)));
    parameters.addCertPathChecker(checker);
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    CertPath path = factory.generateCertPath(List.of(certificate));
    try {
      validator.validate(path, parameters);
      return "good";
    } catch (CertPathValidatorException e) {
      if (e.getCause() instanceof CertificateRevokedException) {
        return ((CertificateRevokedException) e.getCause()).getRevocationReason().toString();
      }
      throw e;
    }
  }

  /** RFC 9654: 32 octets in an OCTET STRING. */
  private static Extension nonce() {
    byte[] value = new byte[34];
    new SecureRandom().nextBytes(value);
    value[0] = 4;
    value[1] = 32;
    return new Extension() {
      @Override
      public String getId() {
        return NONCE;
      }

      @Override
      public boolean isCritical() {
        return false;
      }

      @Override
      public byte[] getValue() {
        return value.clone();
      }

      @Override
      public void encode(java.io.OutputStream out) throws java.io.IOException {
        byte[] head = {
          0x30, 0x2f, 0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02, 0x04, 0x22,
        };
        out.write(head);
        out.write(value);
      }
    };
  }

  private static X509Certificate read(String file) throws Exception {
    byte[] bytes = Files.readAllBytes(Path.of(file));
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(bytes));
  }

  private static String row(String name, String failure) {
    return "{\"name\":" + quote(name) + (failure == null ? "" : ",\"failure\":" + quote(failure)) + "}";
  }

  private static String quote(String text) {
    String escaped = text.replace("\\", "\\\\").replace("\"", "\\\"").replaceAll("\\p{Cntrl}", " ");
    return "\"" + escaped + "\"";
  }
}
