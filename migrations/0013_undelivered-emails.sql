CREATE TABLE `undelivered_emails` (
	`id` text PRIMARY KEY NOT NULL,
	`event` text NOT NULL,
	`recipient` text,
	`reason` text NOT NULL,
	`failed_at` integer NOT NULL,
	`attempts` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `undelivered_emails_recipient` ON `undelivered_emails` (`recipient`);