ALTER TABLE `users` ADD `second_factor_since` integer;--> statement-breakpoint
ALTER TABLE `users` ADD `factor_key` text;--> statement-breakpoint
CREATE INDEX `users_factor_keys` ON `users` (`factor_key`) WHERE factor_key IS NOT NULL;