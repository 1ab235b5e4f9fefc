ALTER TABLE `users` ADD `imported_factors` text;--> statement-breakpoint
ALTER TABLE `users` ADD `user_handle` text;--> statement-breakpoint
CREATE INDEX `users_handles` ON `users` (`user_handle`) WHERE user_handle IS NOT NULL;