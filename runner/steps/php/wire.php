<?php
// Parallel downloads, each requested by WordPress itself: with its filters, its proxy, its certificates.
// WordPress makes each request twice. The first time, the request is only recorded; the recorded ones are then sent in
// parallel. The second time, the answer is already there. Requests that were not recorded are sent as usual.

class Sitecrew_Wire {
	const AT_ONCE = 6;
	const LARGEST = 1073741824;
	const STALLED = 60; // Seconds with less than 100 bytes each.

	private $curl, $error;
	private $asked  = array(); // File => true while requests are only recorded.
	private $wanted = array(); // Requests to send, by file.
	private $found  = array(); // Results by URL: array( headers, file, error ).

	public function __construct() {
		$new         = class_exists( 'WpOrg\Requests\Requests' );
		$this->curl  = $new ? 'WpOrg\Requests\Transport\Curl' : 'Requests_Transport_cURL';
		$this->error = $new ? 'WpOrg\Requests\Exception' : 'Requests_Exception';
		// By reference, as Requests passes them.
		add_action(
			'requests-requests.before_request',
			function ( &$url, &$headers, &$data, &$type, &$options ) {
				if ( isset( $this->asked[ $options['filename'] ] ) || isset( $this->found[ $url ] ) ) {
					$options['transport'] = $this;
				}
			},
			PHP_INT_MAX,
			5
		);
	}

	private function possible() {
		return method_exists( 'WP_HTTP_Requests_Hooks', 'dispatch' ) && function_exists( 'curl_multi_init' )
			&& class_exists( $this->curl ) && call_user_func( array( $this->curl, 'test' ), array( 'ssl' => true ) );
	}

	/** Downloads what it can, URL => seconds; the rest is left to WordPress. */
	public function fetch( $urls ) {
		if ( count( $urls ) < 2 || ! $this->possible() ) {
			return;
		}
		foreach ( $urls as $url => $seconds ) {
			$file                 = wp_tempnam( 'sitecrew' );
			$this->asked[ $file ] = true;
			wp_safe_remote_get(
				$url,
				array(
					'timeout'  => $seconds,
					'stream'   => true,
					'filename' => $file,
				)
			);
			unset( $this->asked[ $file ] );
			if ( ! isset( $this->wanted[ $file ] ) ) {
				@unlink( $file );
			}
		}
		$this->send();
	}

	/** The transport for Requests. */
	public function request( $url, $headers = array(), $data = array(), $options = array() ) {
		$file = $options['filename'];
		if ( isset( $this->asked[ $file ] ) ) {
			$this->wanted[ $file ] = array( $url, $headers, $data, $options );
			throw new $this->error( 'the request is sent later', 'sitecrew' );
		}
		list( $raw, $body, $error ) = $this->found[ $url ];
		unset( $this->found[ $url ] );
		if ( $error || ( $file && ! copy( $body, $file ) ) ) {
			@unlink( $body );
			throw new $this->error( $error ? $error : "no disk space for $file", 'curlerror' );
		}
		$answer = $file ? $raw : "$raw\r\n\r\n" . file_get_contents( $body );
		unlink( $body );
		return $answer;
	}

	/** Deletes downloads that were not requested again. */
	public function forget() {
		foreach ( $this->found as $one ) {
			@unlink( $one[1] );
		}
		$this->found = array();
	}

	private function send() {
		$multi = curl_multi_init();
		$busy  = array();
		while ( $this->wanted || $busy ) {
			while ( $this->wanted && count( $busy ) < self::AT_ONCE ) {
				$busy[] = $this->begin( $multi, array_shift( $this->wanted ) );
			}
			curl_multi_exec( $multi, $running );
			while ( $done = curl_multi_info_read( $multi ) ) {
				foreach ( $busy as $key => $one ) {
					if ( $one[0] === $done['handle'] ) {
						$this->end( $one, $done['result'] );
						curl_multi_remove_handle( $multi, $done['handle'] );
						unset( $busy[ $key ] );
					}
				}
			}
			if ( $running && -1 === curl_multi_select( $multi, 0.5 ) ) {
				usleep( 10000 );
			}
		}
		curl_multi_close( $multi );
	}

	/** Prepares one request as the transport of Requests does. */
	private function begin( $multi, $request ) {
		list( $url, $headers, $data, $options ) = $request;

		$options['max_bytes'] = self::LARGEST;
		$transport            = new $this->curl();
		$handle               = $transport->get_subrequest_handle( $url, $headers, $data, $options );
		$options['hooks']->dispatch( 'curl.before_send', array( &$handle ) );
		if ( isset( $options['verify'] ) && false === $options['verify'] ) {
			curl_setopt( $handle, CURLOPT_SSL_VERIFYHOST, 0 );
			curl_setopt( $handle, CURLOPT_SSL_VERIFYPEER, 0 );
		} elseif ( isset( $options['verify'] ) && is_string( $options['verify'] ) ) {
			curl_setopt( $handle, CURLOPT_CAINFO, $options['verify'] );
		}
		if ( isset( $options['verifyname'] ) && false === $options['verifyname'] ) {
			curl_setopt( $handle, CURLOPT_SSL_VERIFYHOST, 0 );
		}
		curl_setopt( $handle, CURLOPT_LOW_SPEED_LIMIT, 100 );
		curl_setopt( $handle, CURLOPT_LOW_SPEED_TIME, self::STALLED );
		curl_multi_add_handle( $multi, $handle );
		return array( $handle, $transport, $url, $options );
	}

	private function end( $one, $result ) {
		list( $handle, $transport, $url, $options ) = $one;

		$raw   = '';
		$error = CURLE_OK === $result ? '' : "cURL error $result: " . curl_error( $handle );
		try {
			$raw = (string) $transport->process_response( $transport->response_data, $options );
		} catch ( Exception $problem ) {
			$error = $error ? $error : $problem->getMessage();
		}
		clearstatcache();
		if ( '' === $error && filesize( $options['filename'] ) >= self::LARGEST ) {
			$error = 'it is larger than ' . size_format( self::LARGEST );
		}
		$this->found[ $url ] = array( trim( $raw ), $options['filename'], $error );
	}
}
