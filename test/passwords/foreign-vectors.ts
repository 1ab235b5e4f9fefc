/** Hashes made by the original implementations, and their passwords. */

export const PASSWORD = "correct horse battery staple";

interface Vector {
  scheme: string;
  /** The implementation that made the hash. */
  by: string;
  password: string;
  hash: string;
}

const TABLE = "t\u00e1\u0411\u2113\u0259";
const GREEK = "\u0399\u03c9\u03b1\u03bd\u03bd\u03b7\u03c2";
const DIGITS_AND_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

const vectors = (scheme: string, by: string, pairs: [password: string, hash: string][]): Vector[] =>
  pairs.map(([password, hash]) => ({ scheme, by, password, hash }));

/** One hash of each scheme, of the same password, as another service would store it. */
export const ONE_OF_EACH: Vector[] = [
  ...vectors("bcrypt", "Python bcrypt 5.0.0", [
    [PASSWORD, "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG"],
  ]),
  ...vectors("scrypt", "passlib 1.7.4", [
    [PASSWORD, "$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg$ArGWcvGP+XfapxGtDJgm0k/9wQaXFd8yptsHRFh6sw0"],
  ]),
  ...vectors("better-auth-scrypt", "better-auth 1.7.25", [
    [
      PASSWORD,
      "bc1d727a1fa23a6292381ce8d2336022:06a40ec980b67c9b8f78cabb92483a02c2a588a498d794f2f83e5db3e64b34fac899cb3b4ecc9937c45dde495619b8bfe178a83c74b615493bcd0f9163c11627",
    ],
  ]),
  ...vectors("pbkdf2-sha256", "Django 5.2.17", [
    [PASSWORD, "pbkdf2_sha256$100000$VnbLbXVRwWYkzVnaDU1OOm$byJ9G1KUignNYOMDYpVogSFVDhr0jPrGRpFcbS+JRh0="],
  ]),
  ...vectors("pbkdf2-sha1", "Django 5.2.17", [
    [PASSWORD, "pbkdf2_sha1$36000$VnbLbXVRwWYk$6a44BFMf3b3ZfyUvr/Y6+MX4LA4="],
  ]),
  ...vectors("pbkdf2-sha512", "passlib 1.7.4", [
    [
      PASSWORD,
      "$pbkdf2-sha512$29000$c2l4dGVlbiBieXRlcyBvZg$0jLYinSm6p/9HSb7D2Xtjx7SptjNfi9Zm6cSgyNK4WwU5oOUPEGtMV2Cf8rBa6PnnVTGKVAh1nSahHIkQ9Y8jw",
    ],
  ]),
  ...vectors("argon2id", "argon2-cffi 25.1.0", [
    [PASSWORD, "$argon2id$v=19$m=1024,t=2,p=2$c2l4dGVlbiBieXRlcyBvZg$SXCPjvgfzraj9Rk/GVy1yfk31viLSnKAKj33rgYwQHQ"],
  ]),
  ...vectors("argon2i", "argon2-cffi 25.1.0", [
    [PASSWORD, "$argon2i$v=19$m=1024,t=2,p=2$c2l4dGVlbiBieXRlcyBvZg$Vx3hAnt3UvdH7DX45WjcxpED5oj2ujSDhyzgLfCnZiE"],
  ]),
  ...vectors("argon2d", "argon2-cffi 25.1.0", [
    [PASSWORD, "$argon2d$v=19$m=1024,t=2,p=2$c2l4dGVlbiBieXRlcyBvZg$iqmBPfLdCXCQCh3UDOzC3yqqXzPxnkqmNn1WqDgNzAo"],
  ]),
];

export const MORE: Vector[] = [
  ...vectors("bcrypt", "John the Ripper 1.7.9, by way of passlib's tests", [
    ["U*U*U*U*", "$2a$05$c92SVSfjeiCD6F2nAD6y0uBpJDjdRkt0EgeC4/31Rf2LUZbDRDE.O"],
    ["U*U***U", "$2a$05$WY62Xk2TXZ7EvVDQ5fmjNu7b0GEzSzUXUh2cllxJwhtOeMtWV3Ujq"],
    ["*U*U*U*U", "$2a$05$.WRrXibc1zPgIdRXYfv.4uu6TD1KWf0VnHzq/0imhUhuxSxCyeBs2"],
  ]),
  ...vectors("bcrypt", "Openwall's crypt_blowfish 1.2", [
    ["U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"],
    ["U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"],
    ["U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"],
    [DIGITS_AND_LETTERS, "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"],
    [`${DIGITS_AND_LETTERS}chars after 72 are ignored`, "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui"],
  ]),
  ...vectors("bcrypt", "Python bcrypt 5.0.0", [
    [PASSWORD, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.poIKaw08HWUz4zkVKLs8VPIydUmXBPC"],
    [PASSWORD, "$2y$05$CCCCCCCCCCCCCCCCCCCCC.poIKaw08HWUz4zkVKLs8VPIydUmXBPC"],
    ["пароль123!", "$2b$04$abcdefghijklmnopqrstuu0Ep1efl1pGWEhEvm11pmdud9gvgYOFW"],
  ]),
  ...vectors("scrypt", "passlib's tests", [
    ["pleaseletmein", "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI"],
    ["test", "$scrypt$ln=8,r=8,p=1$wlhLyXmP8b53bm1NKYVQqg$mTpvG8lzuuDk+DWz8HZIB6Vum6erDuUm0As5yU+VxWA"],
    [TABLE, "$scrypt$ln=7,r=8,p=1$jjGmtDamdA4BQAjBeA9BSA$OiWRHhQtpDx7M/793x6UXK14AD512jg/qNm/hkWZG4M"],
  ]),
  ...vectors("scrypt", "passlib 1.7.4 at its default cost", [
    [PASSWORD, "$scrypt$ln=16,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg$klW2LsxnsKVxuncNPx5eZDrlb+BPpsTYuhhR8GOoqQE"],
  ]),
  ...vectors("better-auth-scrypt", "better-auth 1.7.25", [
    [
      "пароль123!",
      "3de216d97b093aed9c69c0f3be42dee5:42d7e083fb7ba94cb99b753486b22b0cba19e34553719d7903da678c0efe7978b576cfaf1bf6bc60163fd88143a19f2c096aab7a4dd77384f6d8f172813f6bb9",
    ],
    [
      // Hash of “ﬁne café” with the ligature and a combining accent: NFKC makes the two spellings equal.
      "fine caf\u00e9",
      "4144a3e298e86540552c69a719952ee1:a3bf38f271cbb43ffc3d9780bc08d6c735daa77d18792456b0eaf32d4a144f69402c3ea50cc03aa2109b9365d8fcd6f7ffa65211da00dd87c1067915a4bbb23a",
    ],
  ]),
  ...vectors("pbkdf2-sha1", "passlib's tests", [
    ["password", "$pbkdf2$1212$OB.dtnSEXZK8U5cgxU/GYQ$y5LKPOplRmok7CZp/aqVDVg8zGI"],
    [GREEK, "$pbkdf2$1212$THDqatpidANpadlLeTeOEg$HV3oi1k5C5LQCgG1BMOL.BX4YZc"],
  ]),
  ...vectors("pbkdf2-sha256", "passlib's tests", [
    ["password", "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"],
    [GREEK, "$pbkdf2-sha256$1212$3SABFJGDtyhrQMVt1uABPw$WyaUoqCLgvz97s523nF4iuOqZNbp5Nt8do/cuaa7AiI"],
  ]),
  ...vectors("pbkdf2-sha256", "passlib 1.7.4 at its default cost", [
    [PASSWORD, "$pbkdf2-sha256$29000$c2l4dGVlbiBieXRlcyBvZg$2XOZP8y2cMNlplB7iSfJ8cU3lEmNRUPLq6jiSvQxm3s"],
  ]),
  ...vectors("argon2i", "passlib's tests", [
    ["password", "$argon2i$v=19$m=256,t=1,p=1$c29tZXNhbHQ$AJFIsNZTMKTAewB4+ETN1A"],
    ["password", "$argon2i$v=19$m=380,t=2,p=2$c29tZXNhbHQ$SrssP8n7m/12VWPM8dvNrw"],
    ["password\0", "$argon2i$v=19$m=512,t=2,p=2$c29tZXNhbHQ$Fb5+nPuLzZvtqKRwqUEtUQ"],
  ]),
  ...vectors("argon2id", "argon2-cffi 25.1.0", [
    [PASSWORD, "$argon2id$v=19$m=19456,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$8YW08m1D70qzUO7ZHvinl2JhFOu4mt32fdRR2WAGxBk"],
    [PASSWORD, "$argon2id$v=19$m=65536,t=3,p=4$c2l4dGVlbiBieXRlcyBvZg$adxfEbN5N42ucQRSP+WCiw3Vld5IZEPk3TvYDXA678w"],
    ["пароль123!", "$argon2id$v=19$m=256,t=1,p=1$c2l4dGVlbiBieXRlcyBvZg$8TzVt5fE0Clx5J85Lsv25cRB4ezdxZWsuv+tC23+qMQ"],
  ]),
];

/** Hashes of “café au lait” with a combining accent (NFD). None of these services normalizes what users type. */
export const OF_DECOMPOSED = [
  "$2b$04$abcdefghijklmnopqrstuu.oMTCQjdCbYvSW3IQEvGWmdb6wOIFXe",
  "pbkdf2_sha256$1000$VnbLbXVRwWYkzVnaDU1OOm$+kGRV/gtm5xHNigaR4qDG+5vmR0qQNMJE4F6R7x2fH4=",
  "$argon2id$v=19$m=256,t=1,p=1$c2l4dGVlbiBieXRlcyBvZg$Q+BzYnIMN5Tr9LBybQi/BWVQoGVZ4+EGnIHFlJOzeig",
];

/** The same password with scrypt, at another cost than that of the tests. Its format does not differ from ours. */
export const SCRYPT_OF_DECOMPOSED =
  "$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg$yR3aKi0Ga7tDJBs1eiYBOHX3BYrAxYYojpI2gb++BPw";

/** The same password with scrypt, at the tests' own cost. Padded, as an import stores it. Made by Node.js. */
export const OWN_COST_OF_DECOMPOSED =
  "$scrypt$ln=4,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg$DRr5h+bVdutTxn621JPBiplUr9R/2EMQgsOZ2lEU/Jc=";

/** Hashes of “café au lait” with a precomposed accented letter (NFC). */
export const OF_COMPOSED = [
  "$2b$04$abcdefghijklmnopqrstuumeEFg6zY3F9UMkjHzpfyE4WkVj6Z2cW",
  "pbkdf2_sha256$1000$VnbLbXVRwWYkzVnaDU1OOm$X6z23AWS33UBhhqthsQ/PfoU7Wvhzd558NR32PSbOoY=",
  "$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg$0nRptpP8+u6RFp/k0WEYNIk6TT5Aai+8booYHuT0y7o",
];

/** Hashes of “fine café” in the forms NFKC and NFKD, which replace the ligature “ﬁ” too. By a function of Django. */
export const OF_COMPATIBLE = [
  "pbkdf2_sha256$1000$VnbLbXVRwWYkzVnaDU1OOm$e3I6jXKowQBuSYNIalVuBFGgdSKrBd1nIk2jp6tZDbs=",
  "pbkdf2_sha256$1000$VnbLbXVRwWYkzVnaDU1OOm$bCbSQb2P0oyYRJ0y32WUP4tRJRp/YI2ni0zbAZBDAq4=",
];
