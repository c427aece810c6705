-- With which key a paid request was sent, as its fingerprint: providers show a task to that key, and may show it to no
-- other. Null: it was sent before this was written down.

alter table meshqueue.submissions add column key text;
